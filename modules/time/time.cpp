#include "modules/time/time.hpp"

#include <fmt/core.h>

#include <cstdlib>
#include <ctime>

#include "base/clock.hpp"
#include "core/shard.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view ns_time = "urn:xmpp:time";

// XEP-0082 §3.3: where the machine's clock stands at that moment.
std::string offset_at(std::time_t seconds) {
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr || local.tm_gmtoff == 0) return "Z";
  const auto minutes = std::abs(local.tm_gmtoff) / 60;
  return fmt::format("{}{:02}:{:02}", local.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

class Time final : public core::Module {
 public:
  void start(core::Registrar& registrar) override {
    registrar.iq(core::IqTarget::server, "get", "time", ns_time, [](core::IqRequest request) {
      const auto now_ns = utc_now_ns();
      std::string out;
      xml::Writer(out)
          .open("time", ns_time)
          .element("tzo", {}, offset_at(static_cast<std::time_t>(now_ns / 1'000'000'000)))
          .element("utc", {}, format_utc(now_ns))
          .close();
      request.result(std::move(out));
    });
  }
};

}  // namespace

const core::Manifest& time_manifest() {
  static const core::Manifest manifest{
      .name = "time",
      .summary = "tells the server's time",
      .implements = {{"XEP-0202", "2.0"}},
      .server_features = {ns_time},
      .make = [](core::Shard&) -> std::unique_ptr<core::Module> { return std::make_unique<Time>(); },
  };
  return manifest;
}

}  // namespace valise::modules
