// Requests before log-in: modules answer them (core::StrangerRequests), and this is how they see who asks.
#include "core/services.hpp"
#include "stream/c2s.hpp"
#include "stream/denial.hpp"
#include "stream/host.hpp"

namespace valise::stream {

class C2s::AsStranger final : public core::Stranger, public core::Invited {
 public:
  explicit AsStranger(C2s& stream) : stream_(stream) {}

  [[nodiscard]] const std::string& host() const override { return stream_.domain_; }
  [[nodiscard]] core::Language language() const override { return stream_.language_; }
  [[nodiscard]] std::string source() const override { return source_of(stream_.connection_); }
  [[nodiscard]] core::Share share() const override {
    return {.known = false, .network = core::auth::Network::parse(stream_.connection_.peer_address())};
  }
  [[nodiscard]] bool may_register() override {
    auto& shard = stream_.shard();
    return stream_.host_->gate().may_register(stream_.connection_.peer_address(), shard.settings(),
                                              shard.loop().now_ms());
  }
  void could_not_register() override {
    stream_.host_->gate().could_not_register(stream_.connection_.peer_address(), stream_.shard().loop().now_ms());
  }
  [[nodiscard]] core::Verdict ask_rules(const core::Jid& wanted) override {
    std::vector<std::string> tags;
    return stream::ask_rules(stream_.shard(), stream_.connection_, core::RuleQuestion::Event::registration, wanted, {},
                             stream_.language_, tags)
        .refusal;
  }
  [[nodiscard]] std::function<void(std::string)> answer() override {
    return [back = &stream_.shard(), token = stream_.host_->token(stream_)](std::string xml) {
      back->post([token, xml = std::move(xml)] {
        auto* stream = token.get();
        if (stream != nullptr && stream->state_ == State::secured) stream->connection_.send(xml);
      });
    };
  }
  // Invited
  [[nodiscard]] const core::Invitation* invitation() const override { return stream_.invitation_.get(); }
  [[nodiscard]] std::function<void(core::Invitation, std::string)> admit() override {
    return [back = &stream_.shard(), token = stream_.host_->token(stream_)](core::Invitation shown, std::string xml) {
      back->post([token, shown = std::move(shown), xml = std::move(xml)]() mutable {
        auto* stream = token.get();
        if (stream == nullptr || stream->state_ != State::secured) return;
        stream->invitation_ = std::make_unique<core::Invitation>(std::move(shown));
        stream->connection_.send(xml);
      });
    };
  }

 private:
  C2s& stream_;
};

bool C2s::stranger_iq(xml::Element iq) {
  auto* requests = shard().service<core::StrangerRequests>();
  AsStranger stranger(*this);
  return requests != nullptr && requests->take(iq, stranger);
}

}  // namespace valise::stream
