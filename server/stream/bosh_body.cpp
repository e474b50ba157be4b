#include "stream/bosh_body.hpp"

#include <charconv>
#include <initializer_list>
#include <utility>

#include "stream/bosh_session.hpp"

namespace valise::stream {
namespace {

// The wrapper's own tag, before any limit of its session is known.
constexpr xml::StreamLimits wrapper_limits{
    .stanza = 10'240, .token = 8'192, .depth = 8, .attributes = 64, .children = 64, .namespaces = 16};

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return value;
}

bool is_true(std::string_view text) { return text == "true" || text == "1"; }

// The end of the first tag behind an XML declaration, if there is one; npos: none.
std::size_t end_of_tag(std::string_view bytes, std::size_t from) {
  char quote = 0;
  for (auto i = from; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '>') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// The wrapper's tag as an element of its own: a stream's header tells less than all of its attributes.
class Wrapper final : private xml::StreamEvents {
 public:
  // Null: it is none.
  static xml::DocumentPtr read(std::string_view bytes) {
    const auto declared = bytes.starts_with("<?xml ") ? bytes.find("?>") : std::string_view::npos;
    const auto begin = bytes.find('<', declared == std::string_view::npos ? 0 : declared);
    const auto end = begin == std::string_view::npos ? begin : end_of_tag(bytes, begin);
    if (end == std::string_view::npos || end - begin > wrapper_limits.token) return {};
    std::string alone = "<wrapper>";
    alone += bytes.substr(begin, end - begin);
    if (!alone.ends_with("/>")) alone.insert(alone.size() - 1, "/");
    Wrapper wrapper;
    xml::StreamParser parser(wrapper, wrapper_limits);
    if (!parser.feed(alone) || parser.in_stanza() || wrapper.other_) return {};
    return wrapper.document_;
  }

 private:
  void on_header(const xml::StreamHeader&) override {}
  xml::ParserAction on_stanza(xml::DocumentPtr stanza) override {
    other_ = other_ || document_;
    document_ = std::move(stanza);
    return xml::ParserAction::go_on;
  }
  void on_oversized(const xml::OversizedStanza&) override { other_ = true; }
  void on_end() override { other_ = true; }
  xml::DocumentPtr document_;
  bool other_ = false;
};

class Reader final : private xml::StreamEvents {
 public:
  explicit Reader(const std::function<xml::StreamLimits(const BoshBody&)>& limits_of)
      : limits_of_(limits_of), parser_(*this, wrapper_limits) {}

  std::optional<BoshBody> read(std::string_view bytes) {
    const auto wrapper = Wrapper::read(bytes);
    if (!wrapper || !wrapper->root().is("body", bosh_ns)) return std::nullopt;
    body_.bytes = bytes.size();
    take_attributes(wrapper->root());
    if (!good_ || body_.rid == 0) return std::nullopt;
    parser_.set_limits(limits_of_(body_));
    const auto consumed = parser_.feed(bytes);
    if (!consumed || !good_ || !ended_) return std::nullopt;
    return std::move(body_);
  }

 private:
  void take_attributes(xml::Element wrapper) {
    const auto* record = wrapper.attributes_begin();
    for (std::uint32_t i = 0; i < wrapper.attribute_count(); ++i, ++record) {
      const auto view = [&](xml::Span span) { return wrapper.document()->view(span); };
      take(view(record->ns), view(record->name), view(record->value));
    }
  }
  void take(std::string_view ns, std::string_view name, std::string_view value) {
    if (ns == xbosh_ns) {
      if (name == "version") body_.version = value;
      if (name == "restart") body_.restart = is_true(value);
      return;
    }
    if (!ns.empty()) return;
    const auto numeric = [&](auto& into) {
      using Number = std::remove_cvref_t<decltype(*into)>;
      into = number<Number>(value);
      if (!into) good_ = false;
    };
    if (name == "rid") {
      body_.rid = number<std::uint64_t>(value).value_or(0);
      if (body_.rid > highest_rid) good_ = false;
    }
    if (name == "ver") {
      const auto dot = value.find('.');
      const auto major = number<unsigned>(value.substr(0, dot));
      const auto minor = dot == std::string_view::npos ? std::nullopt : number<unsigned>(value.substr(dot + 1));
      if (major && minor) body_.ver = {*major, *minor};
      good_ = good_ && major && minor;
    }
    if (name == "ack") numeric(body_.ack);
    if (name == "wait") numeric(body_.wait);
    if (name == "hold") numeric(body_.hold);
    if (name == "pause") numeric(body_.pause);
    for (const auto& [text, into] :
         std::initializer_list<std::pair<std::string_view, std::string*>>{{"sid", &body_.sid},
                                                                          {"to", &body_.to},
                                                                          {"from", &body_.from},
                                                                          {"type", &body_.type},
                                                                          {"key", &body_.key},
                                                                          {"newkey", &body_.newkey},
                                                                          {"content", &body_.content},
                                                                          {xml::xml_lang, &body_.lang}}) {
      if (name == text) *into = value;
    }
  }
  void on_header(const xml::StreamHeader& header) override {
    good_ = good_ && header.name == "body" && header.ns == bosh_ns;
  }
  xml::ParserAction on_stanza(xml::DocumentPtr stanza) override {
    body_.payloads.emplace_back(std::move(stanza));
    return xml::ParserAction::go_on;
  }
  void on_oversized(const xml::OversizedStanza& stanza) override { body_.payloads.emplace_back(stanza); }
  void on_end() override { ended_ = true; }

  const std::function<xml::StreamLimits(const BoshBody&)>& limits_of_;
  xml::StreamParser parser_;
  BoshBody body_;
  bool good_ = true;
  bool ended_ = false;
};

}  // namespace

std::optional<BoshBody> parse_bosh_body(std::string_view bytes,
                                        const std::function<xml::StreamLimits(const BoshBody&)>& limits_of) {
  return Reader(limits_of).read(bytes);
}

}  // namespace valise::stream
