#include "modules/host_meta/host_meta.hpp"

#include <map>

#include "core/jid/domain.hpp"
#include "core/shard.hpp"
#include "core/web_address.hpp"
#include "http/router.hpp"
#include "xml/writer.hpp"

namespace valise::modules {
namespace {

constexpr std::string_view xrd_ns = "http://docs.oasis-open.org/ns/xri/xrd-1.0";
// Where the kernel's streams begin (stream/web_streams.hpp).
constexpr std::string_view websocket_path = "/xmpp-websocket";
constexpr std::string_view bosh_path = "/http-bind";

struct Link {
  std::string relation, href;
};

class HostMeta final : public core::Module {
 public:
  explicit HostMeta(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar&) override {
    auto* router = shard_.service<http::Router>();
    if (router == nullptr) return;
    add(*router, "/.well-known/host-meta", [](const std::vector<Link>& links) {
      http::Response out;
      out.content_type = "application/xrd+xml; charset=utf-8";
      out.body = "<?xml version='1.0' encoding='UTF-8'?>";
      xml::Writer writer(out.body);
      writer.open("XRD", xrd_ns);
      for (const auto& link : links) {
        writer.open("Link").attribute("rel", link.relation).attribute("href", link.href).close();
      }
      writer.close();
      return out;
    });
    add(*router, "/.well-known/host-meta.json", [](const std::vector<Link>& links) {
      http::Response out;
      out.content_type = "application/json";
      for (const auto& link : links) {  // addresses of an option that was checked: nothing in them needs escaping
        out.body += (out.body.empty() ? R"({"links":[{"rel":")" : R"(,{"rel":")") + link.relation + R"(","href":")" +
                    link.href + "\"}";
      }
      out.body += "]}";
      return out;
    });
  }

  void configure(const config::Snapshot& config) override {
    links_.clear();
    for (const auto& host : config.hosts()) {
      const auto url = core::web_address(config, host);
      const auto secure_socket = "wss" + url.substr(url.find(':'));
      links_[core::ascii_domain(host)] = {
          {"urn:xmpp:alt-connections:xbosh", url + std::string(bosh_path)},
          {"urn:xmpp:alt-connections:websocket", secure_socket + std::string(websocket_path)}};
    }
  }

 private:
  using Write = http::Response (*)(const std::vector<Link>&);
  void add(http::Router& router, std::string path, Write write) {
    (void)router.add({.methods = {http::Method::get},
                      .path = std::move(path),
                      .cors = http::Cors::anyone,
                      .handler = [this, write](http::Exchange exchange) {
                        const auto found = links_.find(exchange.request().host);
                        exchange.answer(found == links_.end() ? http::plain(404) : write(found->second));
                      }});
  }

  core::Shard& shard_;
  std::map<std::string, std::vector<Link>, std::less<>> links_;  // by the host's name in DNS
};

}  // namespace

const core::Manifest& host_meta_manifest() {
  static const core::Manifest manifest{
      .name = "host_meta",
      .summary = "tells browsers where a host's WebSocket and BOSH are",
      .implements = {{"XEP-0156", "1.4.0"}},
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<HostMeta>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
