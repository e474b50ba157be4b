#include "modules/omemo/calls.hpp"

#include <algorithm>
#include <utility>

#include "core/namespaces.hpp"
#include "modules/omemo/values.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo {
namespace {

constexpr std::string_view jingle = "urn:xmpp:jingle:1";
constexpr std::string_view rtp = "urn:xmpp:jingle:apps:rtp:1";
using core::ns::call_message;
using core::ns::jingle_message;
constexpr std::string_view verification = "http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification";

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, text) != list.end();
}

// XEP-0166 §7.4: the name of a reason passes, its text does not.
void append_reason(xml::Writer& writer, xml::Element reason) {
  for (const auto child : reason.children()) {
    if (child.is_text() || child.ns() != jingle) continue;
    if (is_any_of(child.name(), {"alternative-session", "busy", "cancel", "connectivity-error", "decline", "expired",
                                 "failed-application", "failed-transport", "general-error", "gone",
                                 "incompatible-parameters", "media-error", "security-error", "success", "timeout",
                                 "unsupported-applications", "unsupported-transports"})) {
      writer.open("reason", jingle).element(child.name()).close();
      return;
    }
  }
}

// Each part once, or a row of them is a letter.
class Parts {
 public:
  explicit Parts(xml::Writer& writer) : writer_(writer) {}

  void append(xml::Element child) {
    if (child.is("description", rtp)) {
      const auto media = child.attribute_or_empty("media");
      if ((media == "audio" && first(audio_)) || (media == "video" && first(video_)))
        writer_.open("description", rtp).attribute("media", media).close();
    } else if (child.is("device", verification)) {
      const auto device = child.attribute_or_empty("id");
      if (is_number(device, 10) && first(device_)) writer_.open("device", verification).attribute("id", device).close();
    } else if (child.is("reason", jingle)) {
      if (first(reason_)) append_reason(writer_, child);
    } else if (child.is("tie-break", jingle_message)) {
      if (first(tie_break_)) writer_.element("tie-break");
    } else if (child.is("migrated", jingle_message)) {
      const auto to = child.attribute_or_empty("to");
      if (is_token(to) && first(migrated_)) writer_.open("migrated").attribute("to", to).close();
    }
  }

 private:
  static bool first(bool& seen) { return !std::exchange(seen, true); }

  xml::Writer& writer_;
  bool audio_ = false, video_ = false, device_ = false, reason_ = false, tie_break_ = false, migrated_ = false;
};

// XEP-0482: one Jingle session, one room; an <external uri/> could say anything, so it refuses the whole.
bool append_invitation(std::string& out, xml::Element element) {
  const auto id = element.attribute_or_empty("id");
  if (!is_any_of(element.name(), {"invite", "accept", "reject", "left", "retract"}) || !is_token(id)) return false;
  if (element.has_visible_text()) return false;
  std::string written;
  xml::Writer writer(written);
  writer.open(element.name(), call_message).attribute_if("id", id);
  for (const auto name : {"video", "multi"}) {
    const auto value = element.attribute_or_empty(name);
    if (is_boolean(value)) writer.attribute(name, value);
  }
  bool session = false, place = false;
  for (const auto child : element.children()) {
    if (child.is_text()) continue;
    const auto sid = child.attribute_or_empty("sid");
    const auto jid = child.attribute_or_empty("jid");
    const auto room = child.attribute_or_empty("room");
    if (child.is("jingle", call_message) && is_token(sid) && (jid.empty() || is_bare_address(jid)) &&
        !std::exchange(session, true)) {
      writer.open("jingle").attribute_if("sid", sid).attribute_if("jid", jid).close();
    } else if (child.is("muji", call_message) && is_bare_address(room) && !std::exchange(place, true)) {
      writer.open("muji").attribute("room", room).close();
    } else {
      return false;
    }
  }
  writer.close();
  out += written;
  return true;
}

}  // namespace

bool append_call(std::string& out, xml::Element element) {
  if (element.ns() == call_message) return append_invitation(out, element);
  if (element.ns() != jingle_message ||
      !is_any_of(element.name(), {"propose", "ringing", "proceed", "accept", "reject", "retract", "finish"})) {
    return false;
  }
  const auto id = element.attribute_or_empty("id");
  if (id.empty() || !is_token(id) || element.has_visible_text()) return false;
  xml::Writer writer(out);
  writer.open(element.name(), jingle_message).attribute("id", id);
  Parts parts(writer);
  for (const auto child : element.children()) parts.append(child);
  writer.close();
  return true;
}

}  // namespace valise::modules::omemo
