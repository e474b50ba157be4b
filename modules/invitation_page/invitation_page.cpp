#include "modules/invitation_page/invitation_page.hpp"

#include <algorithm>
#include <map>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/checks.hpp"
#include "config/findings.hpp"
#include "config/options.hpp"
#include "core/auth/brake.hpp"
#include "core/invitations.hpp"
#include "core/jid/domain.hpp"
#include "core/shard.hpp"
#include "core/web_address.hpp"
#include "http/router.hpp"
#include "modules/invitation_page/guesses.hpp"
#include "modules/invitation_page/language.hpp"
#include "modules/invitation_page/page.hpp"

namespace valise::modules {
namespace invitation_page {
namespace {

constexpr std::string_view path_prefix = "/invite/";
constexpr std::size_t longest_token = 64;  // what is longer is none, and not looked at

std::string check_client(std::string_view text) {
  return parse_client(text)
             ? std::string()
             : "takes NAME; PLATFORMS; ADDRESS, and ; registers if it makes the account of an invitation: "
               "\"Conversations; android; https://conversations.im/; registers\"; platforms: android, ios, "
               "macos, windows, linux, web";
}

const config::Option<bool> enabled{{.name = "invitation_page.enabled",
                                    .otherwise = false,
                                    .reason = "invitations have a web page, /invite/TOKEN on the web listeners, and "
                                              "their links lead to it",
                                    .scope = config::Scope::host,
                                    .reload = config::Reload::live,
                                    .needs = {{"invitations.enabled"}}}};
const config::Option<std::string> url_option{
    {.name = "invitation_page.url",
     .otherwise = "",
     .reason = "where browsers find it, \"https://join.example.org\"; empty: as http.url says",
     .check = &config::check_web_address,
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"invitation_page.enabled"}}}};
const config::Option<config::Strings> clients_option{
    {.name = "invitation_page.clients",
     .otherwise = {"Conversations; android; https://conversations.im/; registers",
                   "Monal; ios, macos; https://monal-im.org/; registers", "Dino; linux; https://dino.im/",
                   "Gajim; windows, linux, macos; https://gajim.org/",
                   "Profanity; linux, macos; https://profanity-im.github.io/",
                   "Converse.js; web; https://conversejs.org/"},
     .reason = "clients that the page names, the best first: NAME; PLATFORMS; ADDRESS, and ; registers for one that "
               "makes the account of an invitation (XEP-0445)",
     .max = 32,
     .check = &check_client,
     .scope = config::Scope::host,
     .reload = config::Reload::live,
     .needs = {{"invitation_page.enabled"}}}};
const config::Option<std::int64_t> wrong_tokens{
    {.name = "invitation_page.wrong_tokens_per_hour",
     .otherwise = 60,
     .reason = "wrong tokens that one network may show; beyond it the page is refused (429) to that network",
     .unit = config::Unit::per_hour,
     .min = 1,
     .max = 1'000'000,
     .reload = config::Reload::live,
     .needs = {{"invitation_page.enabled"}}}};

void check(const config::Snapshot& snapshot, config::Findings& findings) {
  core::needs_web_listener(snapshot, enabled, findings);
}

struct HostPage {
  std::string url;
  std::vector<Client> clients;
};

class InvitationPageModule final : public core::Module, public core::InvitationPage {
 public:
  explicit InvitationPageModule(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar&) override {
    shard_.publish<core::InvitationPage>(*this);
    shard_.publish<InvitationPageModule>(*this);  // for the other shards
    auto* router = shard_.service<http::Router>();
    if (router == nullptr) return;
    const auto added = router->add({.methods = {http::Method::get},
                                    .path = std::string(path_prefix),
                                    .handler = [this](http::Exchange exchange) { serve(std::move(exchange)); }});
    if (!added) log::error("invitation_page", "{}", added.error().text);
  }

  void configure(const config::Snapshot& config) override {
    pages_.clear();
    by_name_.clear();
    guesses_.set_limit(static_cast<unsigned>(config.get(wrong_tokens)));
    for (const auto& host : config.hosts()) {
      if (!config.get(enabled, host)) continue;
      auto& page = pages_[host];
      page.url = config.get(url_option, host);
      if (page.url.empty()) page.url = core::web_address(config, host);
      for (const auto& text : config.get(clients_option, host)) {
        if (auto client = parse_client(text)) page.clients.push_back(std::move(*client));
      }
      // A request may name the host itself, whatever the address that is told to people.
      auto names = {core::ascii_domain(host), core::name_in_web_address(page.url)};
      for (const auto& name : names) {
        auto& hosts = by_name_[name];
        if (std::ranges::find(hosts, host) == hosts.end()) hosts.push_back(host);
      }
    }
  }

  [[nodiscard]] std::string url_of(std::string_view host, std::string_view token) const override {
    const auto found = pages_.find(host);
    if (found == pages_.end()) return {};
    return found->second.url + std::string(path_prefix) + std::string(token);
  }

 private:
  // One request, until it is answered; on whatever shard.
  struct Visit {
    http::Exchange exchange;
    std::vector<std::string> hosts;  // whose invitation it may be: they share the name
    std::string token;
    std::string network;
    Reader reader;
  };

  void serve(http::Exchange exchange) {
    const auto& request = exchange.request();
    const auto found = by_name_.find(request.host);
    if (found == by_name_.end()) return exchange.answer(http::plain(404));
    const auto* settings = shard_.host(found->second.front());
    const auto spoken = settings == nullptr ? core::Language::french : settings->language;
    const Reader reader{language_asked_for(request.query, preferred_language(request.field("accept-language"), spoken)),
                        platform_of(request.field("user-agent"))};
    const auto network = core::auth::Network::parse(request.client_address);
    auto visit = std::make_shared<Visit>(Visit{.exchange = std::move(exchange),
                                               .hosts = found->second,
                                               .token = {},
                                               .network = network ? std::string(network->bytes()) : std::string(),
                                               .reader = reader});
    const std::string_view path = visit->exchange.request().path;
    visit->token = path.substr(path_prefix.size(), longest_token + 1);
    if (visit->token.empty() || visit->token.size() > longest_token) return refuse(*visit, Absence::unknown);
    // One shard counts what a network shows, whichever accepted its connections.
    auto& counting = shard_.kernel().home(visit->hosts.front());
    counting.post([&counting, visit] { counting.service<InvitationPageModule>()->look(visit); });
  }

  void look(const std::shared_ptr<Visit>& visit) {
    if (!guesses_.attempt(visit->network, steady_ms())) return refuse(*visit, Absence::too_many);
    look_at(visit, 0);
  }

  void look_at(const std::shared_ptr<Visit>& visit, std::size_t index) {
    auto* invitations = shard_.service<core::Invitations>();
    if (invitations == nullptr || index == visit->hosts.size()) return refuse(*visit, Absence::unknown);
    invitations->show(visit->hosts[index], visit->token, [this, visit, index](Result<core::Invitations::Made> made) {
      if (made) {
        guesses_.take_back(visit->network, steady_ms());
        return show(*visit, *made);
      }
      if (made.error().code == ErrorCode::not_found) return look_at(visit, index + 1);
      guesses_.take_back(visit->network, steady_ms());
      refuse(*visit, made.error().code == ErrorCode::conflict ? Absence::over : Absence::unavailable);
    });
  }

  void show(Visit& visit, const core::Invitations::Made& made) {
    const auto found = pages_.find(made.invitation.host);
    const auto* settings = shard_.host(made.invitation.host);
    if (found == pages_.end() || settings == nullptr) return refuse(visit, Absence::unknown);  // since a reload
    answer(visit, 200, invitation_page::invitation_page(made, found->second.clients, settings->sealed, visit.reader));
  }

  void refuse(Visit& visit, Absence absence) {
    http::Fields more;
    if (absence == Absence::too_many) more.emplace_back("Retry-After", std::to_string(guesses_.wait_s()));
    if (absence == Absence::unavailable) more.emplace_back("Retry-After", "60");
    answer(visit, status_of(absence), absence_page(absence, visit.hosts.front(), visit.reader), std::move(more));
  }

  // The address is the secret: nobody keeps the page, and no other site is told of it.
  static void answer(Visit& visit, unsigned status, std::string body, http::Fields fields = {}) {
    fields.insert(fields.end(), {{"Content-Security-Policy", content_security_policy()},
                                 {"Cache-Control", "no-store"},
                                 {"Referrer-Policy", "no-referrer"},
                                 {"X-Robots-Tag", "noindex, nofollow"},
                                 {"X-Frame-Options", "DENY"},
                                 {"Cross-Origin-Opener-Policy", "same-origin"},
                                 {"Cross-Origin-Resource-Policy", "same-origin"},
                                 {"Vary", "Accept-Language, User-Agent"},
                                 {"Content-Language", std::string(core::tag_of(visit.reader.language))}});
    visit.exchange.answer({.status = status,
                           .content_type = "text/html; charset=utf-8",
                           .body = std::move(body),
                           .fields = std::move(fields)});
  }

  core::Shard& shard_;
  std::map<std::string, HostPage, std::less<>> pages_;                    // of the hosts that have one
  std::map<std::string, std::vector<std::string>, std::less<>> by_name_;  // by what a request calls them
  Guesses guesses_;                                                       // of the hosts whose home this is
};

}  // namespace
}  // namespace invitation_page

const core::Manifest& invitation_page_manifest() {
  using namespace invitation_page;
  static const core::Manifest manifest{
      .name = "invitation_page",
      .summary = "the web page of an invitation",
      .implements = {{"XEP-0379", "0.3.3"}, {"XEP-0401", "0.6.0"}},
      .options =
          [](config::Registry& registry) {
            registry.add(enabled);
            registry.add(url_option);
            registry.add(clients_option);
            registry.add(wrong_tokens);
          },
      .check = &check,
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> {
        return std::make_unique<InvitationPageModule>(shard);
      },
  };
  return manifest;
}

}  // namespace valise::modules
