// The numbers are those that the streams themselves obey (core::Settings), read when features are written: a reload
// tells new streams the new ones.
#include "modules/limits/limits.hpp"

#include "core/shard.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

std::string limits_of(std::size_t max_bytes, std::int64_t idle_ms) {
  std::string out;
  xml::Writer(out)
      .open("limits", "urn:xmpp:stream-limits:0")
      .element("max-bytes", {}, std::to_string(max_bytes))
      .element("idle-seconds", {}, std::to_string(idle_ms / 1000))
      .close();
  return out;
}

class Limits final : public core::Module {
 public:
  explicit Limits(core::Shard& shard) : shard_(shard) {}
  void start(core::Registrar&) override {}

  // Above it a stanza is bounced; who is silent for so long is asked whether he is there.
  [[nodiscard]] std::string stream_features(const std::string&) const override {
    const auto& settings = shard_.settings();
    return limits_of(settings.limits.stanza, settings.silence_ms);
  }
  // Before log-in the stream ends at both, however busy it was until then.
  [[nodiscard]] std::string stream_features_before_login(const std::string&) const override {
    const auto& settings = shard_.settings();
    return limits_of(settings.limits_before_login.stanza, settings.login_timeout_ms);
  }

 private:
  core::Shard& shard_;
};

}  // namespace

const core::Manifest& limits_manifest() {
  static const core::Manifest manifest{
      .name = "limits",
      .summary = "tells each stream the size and the silence that it may have",
      .implements = {{"XEP-0478", "0.2.0"}},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<Limits>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
