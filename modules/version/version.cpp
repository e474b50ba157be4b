#include "modules/version/version.hpp"

#include "core/namespaces.hpp"
#include "core/shard.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view version_ns = "jabber:iq:version";

const config::Option<bool> show{
    {.name = "version.show",
     .otherwise = false,
     .reason = "tell clients the version that runs; attackers read it too. The name is always told",
     .reload = config::Reload::live}};

class Version final : public core::Module {
 public:
  void start(core::Registrar& registrar) override {
    registrar.iq(core::IqTarget::server, "get", "query", version_ns, [this](core::IqRequest request) {
      // §4: name and version are required, the operating system is nobody's business.
      std::string out;
      xml::Writer writer(out);
      writer.open("query", version_ns).element("name", {}, "Valise");
      writer.element("version", {}, shown_ ? VALISE_VERSION : "-").close();
      request.result(std::move(out));
    });
  }
  void configure(const config::Snapshot& snapshot) override { shown_ = snapshot.get(show); }

 private:
  bool shown_ = false;
};

}  // namespace

const core::Manifest& version_manifest() {
  static const core::Manifest manifest{
      .name = "version",
      .summary = "Tells the server software's name and, if the administrator wants it, version.",
      .implements = {{"XEP-0092", "1.1"}},
      .server_features = {version_ns},
      .options = [](config::Registry& registry) { registry.add(show); },
      .make = [](core::Shard&) -> std::unique_ptr<core::Module> { return std::make_unique<Version>(); },
  };
  return manifest;
}

}  // namespace valise::modules
