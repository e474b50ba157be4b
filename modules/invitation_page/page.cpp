#include "modules/invitation_page/page.hpp"

#include <chrono>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "core/day.hpp"
#include "modules/invitation_page/qr_code.hpp"
#include "modules/invitation_page/style.hpp"
#include "modules/invitation_page/texts.hpp"

namespace valise::modules::invitation_page {
namespace {

using core::Language;
using core::Text;

// Of text and of quoted attributes.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A name that runs the other way must not turn what stands beside it.
std::string isolated(std::string_view name) { return "<bdi>" + escaped(name) + "</bdi>"; }

// One page in one language. `html` is written as it stands, everything else is escaped.
class Page {
 public:
  explicit Page(const Reader& reader) : reader_(reader) {}

  Page& html(std::string_view markup) {
    out_ += markup;
    return *this;
  }
  Page& text(const Text& text) {
    out_ += escaped(in(text));
    return *this;
  }
  // `name`: HTML, in the place of the "%".
  Page& text(const Text& text, std::string_view name) {
    const auto whole = in(text);
    const auto at = whole.find('%');
    out_ += escaped(whole.substr(0, at));
    out_ += name;
    out_ += escaped(whole.substr(at + 1));
    return *this;
  }
  Page& element(std::string_view name, const Text& text) {
    return html("<").html(name).html(">").Page::text(text).html("</").html(name).html(">");
  }

  void begin(std::string_view host, const Text& title) {
    const bool french = reader_.language == Language::french;
    html("<!DOCTYPE html>\n<html lang=\"").html(core::tag_of(reader_.language)).html("\">\n<head>\n");
    html("<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html("<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex, nofollow\">\n");
    html("<title>").text(title).html(" – ").html(escaped(host)).html("</title>\n");
    html("<style>").html(style).html("</style>\n</head>\n<body>\n<div class=\"page\">\n");
    html("<header class=\"bar\">\n<p>").html(isolated(host)).html("</p>\n");
    html(french ? R"(<a href="?lang=en" lang="en" hreflang="en">English</a>)"
                : R"(<a href="?lang=fr" lang="fr" hreflang="fr">Français</a>)");
    html("\n</header>\n<main>\n");
  }
  std::string end(bool with_footer) {
    html("</main>\n");
    if (with_footer) html("<footer>").element("p", texts::footer).html("</footer>\n");
    html("</div>\n</body>\n</html>\n");
    return std::move(out_);
  }

  [[nodiscard]] std::string_view in(const Text& text) const { return text.in(reader_.language); }
  [[nodiscard]] const Reader& reader() const { return reader_; }

 private:
  Reader reader_;
  std::string out_;
};

std::string two_digits(unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); }

// "5 December 2026, 14:39 (UTC)", "5 décembre 2026 à 14:39 (UTC)", with what programs read.
std::string time_element(std::int64_t utc_ms, Language language) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(utc_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const bool french = language == Language::french;
  return "<time datetime=\"" + format_utc_ms(utc_ms) + "\">" +
         core::day_text(static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                        static_cast<unsigned>(date.day()), language) +
         (french ? " à " : ", ") + two_digits(static_cast<unsigned>(clock.hours().count())) + ':' +
         two_digits(static_cast<unsigned>(clock.minutes().count())) + " (UTC)</time>";
}

// XEP-0379 §3.3: who invites, and the button.
void write_invitation(Page& page, const core::Invitations::Made& made) {
  const auto& invitation = made.invitation;
  const auto host = isolated(invitation.host);
  page.html("<h1>");
  if (invitation.inviter.empty()) {
    page.text(texts::invited_to, host);
  } else {
    page.text(texts::invited_by, isolated(invitation.inviter));
  }
  page.html("</h1>\n<p class=\"lead\">");
  page.text(invitation.account ? texts::lead_account : texts::lead_contact, host).html("</p>\n");
  page.html("<section class=\"card open\" aria-labelledby=\"open\">\n<div>\n<h2 id=\"open\">").text(texts::with_app);
  page.html("</h2>\n<a class=\"button\" href=\"").html(escaped(made.uri)).html("\">").text(texts::accept);
  page.html("</a>\n<p class=\"note\">").text(texts::button_note).html("</p>\n<p class=\"note\">");
  page.text(invitation.uses == 1 ? texts::valid_once : texts::valid,
            time_element(invitation.expires_ms, page.reader().language));
  page.html("</p>\n</div>\n");
  if (const auto code = qr_code(made.uri, escaped(page.in(texts::code_label))); !code.empty()) {
    page.html("<figure>\n").html(code).html("\n").element("figcaption", texts::code_caption).html("\n</figure>\n");
  }
  page.html("</section>\n");
}

// `apps`: there is a list of them further down.
void write_steps(Page& page, const core::Invitation& invitation, bool apps, bool sealed) {
  page.html("<section class=\"card\" aria-labelledby=\"steps\">\n<h2 id=\"steps\">").text(texts::steps);
  page.html("</h2>\n<ol>\n<li>");
  page.text(texts::step_install, apps ? "<a href=\"#apps\">" + escaped(page.in(texts::the_apps_below)) + "</a>"
                                      : escaped(page.in(texts::the_xmpp_apps)))
      .html("</li>\n");
  page.element("li", texts::step_open).html("\n");
  const auto step = [&](const Text& text, std::string_view name) {
    page.html("<li>").text(text, isolated(name)).html("</li>\n");
  };
  if (invitation.account && invitation.name.empty()) step(texts::step_name, invitation.host);
  if (invitation.account && !invitation.name.empty()) {
    step(texts::step_password, invitation.name + '@' + invitation.host);
  }
  if (invitation.contact) step(invitation.account ? texts::step_contacts : texts::step_confirm, invitation.inviter);
  if (sealed) step(texts::step_sealed, invitation.host);
  page.html("</ol>\n</section>\n");
}

// Those that make the account come first.
void write_clients(Page& page, std::string_view kind, bool account, std::vector<const Client*> clients) {
  if (account) std::ranges::stable_partition(clients, [](const Client* client) { return client->registers; });
  page.html("<ul class=\"").html(kind).html("\">\n");
  for (const auto* client : clients) {
    page.html("<li><a rel=\"noreferrer noopener\" href=\"").html(escaped(client->url)).html("\">");
    page.html(escaped(client->name)).html("</a><span>");
    std::string_view separator;
    for (const auto platform : client->runs_on) {
      page.html(separator).html(name_of(platform));
      separator = ", ";
    }
    page.html("</span>");
    if (account && client->registers) page.html("<span>").text(texts::registers).html("</span>");
    page.html("</li>\n");
  }
  page.html("</ul>\n");
}

// XEP-0401 §5.2: a recommendation by what the visitor has in his hands.
void write_apps(Page& page, const std::vector<Client>& clients, bool account) {
  if (clients.empty()) return;
  const auto platform = page.reader().platform;
  std::vector<const Client*> here, elsewhere;
  for (const auto& client : clients) (client.runs(platform) ? here : elsewhere).push_back(&client);
  page.html("<section class=\"card\" aria-labelledby=\"apps\">\n<h2 id=\"apps\">").text(texts::apps).html("</h2>\n");
  if (!here.empty()) {
    page.html("<h3>").text(texts::apps_here, name_of(platform)).html("</h3>\n");
    write_clients(page, "apps first", account, here);
  }
  if (!elsewhere.empty()) {
    page.element("h3", here.empty() ? texts::apps_all : texts::apps_elsewhere).html("\n");
    write_clients(page, "apps", account, elsewhere);
  }
  const auto some = std::ranges::count_if(clients, &Client::registers);
  if (account && some > 0 && static_cast<std::size_t>(some) < clients.size()) {
    page.html("<p class=\"note\">").text(texts::apps_note).html("</p>\n");
  }
  page.html("</section>\n");
}

}  // namespace

std::string invitation_page(const core::Invitations::Made& made, const std::vector<Client>& clients, bool sealed,
                            const Reader& reader) {
  const auto& invitation = made.invitation;
  Page page(reader);
  page.begin(invitation.host, texts::title);
  write_invitation(page, made);
  write_steps(page, invitation, !clients.empty(), sealed);
  write_apps(page, clients, invitation.account);
  page.html("<section class=\"card\" aria-labelledby=\"address\">\n<h2 id=\"address\">").text(texts::by_hand);
  page.html("</h2>\n").element("p", texts::by_hand_note).html("\n<code>").html(escaped(made.uri));
  page.html("</code>\n</section>\n");
  return page.end(true);
}

unsigned status_of(Absence absence) noexcept { return texts::missing[static_cast<std::size_t>(absence)].status; }

std::string absence_page(Absence absence, std::string_view host, const Reader& reader) {
  const auto& missing = texts::missing[static_cast<std::size_t>(absence)];
  Page page(reader);
  page.begin(host, missing.title);
  page.element("h1", missing.title).html("\n<section class=\"card\">\n").element("p", missing.what).html("\n");
  page.element("p", missing.then).html("\n</section>\n");
  return page.end(false);
}

const std::string& content_security_policy() {
  static const std::string policy = "default-src 'none'; style-src 'sha256-" +
                                    crypto::base64_encode(crypto::digest(crypto::Hash::sha256, style)) +
                                    "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return policy;
}

}  // namespace valise::modules::invitation_page
