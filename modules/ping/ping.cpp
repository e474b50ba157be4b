#include "modules/ping/ping.hpp"

#include "core/namespaces.hpp"
#include "core/shard.hpp"

namespace valise::modules {
namespace {

class Ping final : public core::Module {
 public:
  void start(core::Registrar& registrar) override {
    // §4.2 client to server. A request without 'to' is the server's too: the router gives it to the account.
    registrar.iq(core::IqTarget::server, "get", "ping", core::ns::ping,
                 [](core::IqRequest request) { request.result(); });
    registrar.iq(core::IqTarget::account, "get", "ping", core::ns::ping, [](core::IqRequest request) {
      // A stranger's ping would tell that the account exists, and no client needs the answer.
      if (request.from_owner()) return request.result();
      request.error(core::service_unavailable);
    });
  }
};

}  // namespace

const core::Manifest& ping_manifest() {
  static const core::Manifest manifest{
      .name = "ping",
      .summary = "Answers whether the server is there.",
      .implements = {{"XEP-0199", "2.0.1"}},
      .server_features = {core::ns::ping},
      .make = [](core::Shard&) -> std::unique_ptr<core::Module> { return std::make_unique<Ping>(); },
  };
  return manifest;
}

}  // namespace valise::modules
