// XEP-0198 on a client stream: its elements, and a session that goes on on another connection.
#include "core/namespaces.hpp"
#include "stream/c2s.hpp"
#include "stream/denial.hpp"
#include "stream/host.hpp"
#include "stream/management.hpp"
#include "xml/writer.hpp"

namespace valise::stream {
namespace ns = core::ns;

// §3: what comes before it is due is unexpected, and the stream goes on.
bool C2s::stream_management(xml::Element element) {
  const auto name = element.name();
  if (name == "enable") {
    connection_.send(live_ ? live_->enable(element) : failed("unexpected-request"));
    return true;
  }
  if (name == "resume") {
    if (state_ == State::authenticated && !binding_) {
      resume(element, [this](std::string answer, bool) { connection_.send(answer); });
    } else {
      connection_.send(failed("unexpected-request"));
    }
    return true;
  }
  if (!live_) return false;
  if (name == "r" && live_->managed()) {
    live_->requested();
    return true;
  }
  if (name != "a") return false;
  const auto h = parse_count(element.attribute_or_empty("h"));
  if (!h) {
    stream_error("bad-format", "<a/> says a number of stanzas");
  } else if (!live_->heard(*h)) {
    acknowledged_too_much(*h, live_->sent_count());
  }
  return true;
}

// §6.
void C2s::acknowledged_too_much(std::uint32_t h, std::uint32_t sent) {
  stream_error("undefined-condition",
               "You acknowledged " + std::to_string(h) + " stanzas, and were sent " + std::to_string(sent) + ".",
               handled_too_high(h, sent));
}

// ---- §5

void C2s::resume(xml::Element request, ResumeAnswer answer) {
  const auto id = request.attribute("previd");
  const auto h = parse_count(request.attribute_or_empty("h"));
  if (!id || !h) return answer(failed("bad-request"), false);
  binding_ = true;
  resumption_ = std::make_unique<Resumption>(std::string(*id), *h, std::move(answer));
  load_and_resume(false);
}

void C2s::load_and_resume(bool fresh) {
  shard().with_account(account_, [self = host_->token(*this), fresh](core::Account* account) {
    if (auto* stream = self.get()) stream->look_for_session(account, fresh);
  });
}

void C2s::look_for_session(core::Account* account, bool fresh) {
  if (state_ != State::authenticated || !resumption_) return;
  const bool differs = account != nullptr && account->credentials != credentials_;
  if (differs && !fresh) {
    return shard().refresh_account(account_, [self = host_->token(*this)] {
      if (auto* stream = self.get()) stream->load_and_resume(true);
    });
  }
  if (account == nullptr) return resume_fails("resource-constraint");
  if (!account->exists || account->state != storage::AccountState::active) {
    return stream_error("not-authorized", "the account was disabled or removed");
  }
  if (differs) return stream_error("not-authorized", "the password was changed");
  auto* live = Hibernation::find(*account, resumption_->id);
  if (live == nullptr)
    return resume_fails("item-not-found", host_->hibernation().recall(resumption_->id, account_.bare()));
  auto tags = tags_;
  const auto answer = ask_rules(shard(), connection_, core::RuleQuestion::Event::session, live->session().jid,
                                mechanism_, language_, tags);
  if (answer.refusal) return resume_fails(answer.refusal->error.condition);
  if (!live->knows(resumption_->h)) return acknowledged_too_much(resumption_->h, live->sent_count());
  tags_ = std::move(tags);
  pace_ = answer.pace;
  if (auto* older = live->carrier()) older->replaced();
  if (auto* other = host_->find(live->awaited_by(number)); other != nullptr && other != this) {
    other->stream_error("conflict", "another connection resumes this session");
  }
  if (live->all_handled()) return resume_ready();
  live->strand();
}

void C2s::resume_fails(std::string_view condition, std::optional<std::uint32_t> h) {
  const auto request = std::move(resumption_);
  if (asked_) return request->answer(failed(condition, h), false);  // §9.2.3: what else it asked for comes next
  binding_ = false;
  request->answer(failed(condition, h), false);
  release_held();
}

void C2s::resume_ready() {
  if (state_ != State::authenticated || !resumption_) return;
  auto* account = shard().find_account(account_.bare());
  auto* live = account == nullptr ? nullptr : Hibernation::find(*account, resumption_->id);
  if (live == nullptr) {
    return resume_fails("item-not-found", host_->hibernation().recall(resumption_->id, account_.bare()));
  }
  if (live->connected()) return stream_error("conflict", "another connection has resumed this session");
  (void)live->awaited_by(0);
  binding_ = false;
  const auto request = std::move(resumption_);
  live_ = host_->hibernation().take(*live);
  state_ = State::bound;
  begin_session(live->session(), "resumed");
  std::string out;
  xml::Writer(out)
      .open("resumed", ns::stream_management)
      .attribute("h", std::to_string(live->h()))
      .attribute("previd", request->id)
      .close();
  request->answer(std::move(out), true);
  live->resume(*this, request->h);
  arm(1000);
  release_held();
}

// ---- the connection ends, the session does not

LiveSession* C2s::let_go() {
  auto* live = live_.get();
  live->detach();
  host_->hibernation().add(std::move(live_));
  return live;
}

void C2s::replaced() {
  (void)let_go();
  stream_error("conflict", "the session goes on on another connection");
}

// The client is to blame for nothing: it may come back.
void C2s::lose(std::string_view condition, std::string_view text) {
  auto* live = live_ && live_->resumable() && !asked_ ? let_go() : nullptr;
  stream_error(condition, text);
  if (live != nullptr) live->strand();
}

}  // namespace valise::stream
