#include "selftest/selftest.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <vector>

#include "ctl/client.hpp"
#include "ctl/failure.hpp"
#include "net/tls/certificate.hpp"
#include "selftest/accounts.hpp"
#include "selftest/conversation.hpp"
#include "selftest/report.hpp"

namespace valise::ctl::selftest {
namespace {

using Json = nlohmann::json;

// What the running server says of a host.
struct Place {
  std::string host;
  std::vector<std::string> listeners;
  std::string mode;  // for its content
};

std::expected<Place, Failure> place_of(const Wish& wish) {
  Client client({.patience = Report::step_time, .longest_answer = 65'536});
  if (auto connected = client.connect(wish.control); !connected) return std::unexpected(connected.error());
  const auto answer = client.ask({{"command", "omemo.entry"}, {"host", wish.host}});
  if (!answer) return std::unexpected(answer.error());
  if (!answer->is_object()) return std::unexpected(Failure{could_not, "unavailable", "the answer is not understood"});
  Place place{answer->value("host", ""), {}, answer->value("sealed", "required")};
  for (const auto& one : answer->value("c2s", Json::array())) {
    if (one.is_string()) place.listeners.push_back(one.get<std::string>());
  }
  return place;
}

Outcome<std::string> quietly(Outcome<> outcome) {
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return "";
}

// Each part begins where the one before ended; the report leaves out what stands behind a failure.
class Run {
 public:
  Run(Place place, std::string ca, bool json, Accounts& accounts)
      : place_(std::move(place)), ca_(std::move(ca)), accounts_(accounts), report_(json) {}

  int operator()() {
    arrive();
    for (const auto version : versions) converse(version);
    report_.step(place_.mode == "required" ? "what is not sealed is refused" : "what is not sealed is sent",
                 [this](const Patience& patience) { return talk_->write_in_clear(patience); });
    report_.last_step("accounts removed", [this](const Patience& patience) {
      if (talk_) talk_->leave(patience);
      return quietly(accounts_.remove_all());
    });
    return report_.finish(place_.host, address_, place_.mode);
  }

 private:
  void arrive() {
    report_.step("the listener for clients answers", [this](const Patience& patience) -> Outcome<std::string> {
      auto entry = reach(place_.listeners, patience);
      if (!entry) return std::unexpected(entry.error());
      address_ = text_of(*entry);
      talk_ = std::make_unique<Conversation>(std::move(*entry), ca_, place_.mode);
      return address_;
    });
    report_.step("two throw-away accounts made", [this](const Patience&) { return make_accounts(); });
    report_.step("keys of two devices made", [this](const Patience&) { return quietly(talk_->make_devices(people_)); });
    report_.step("log-in of both: TLS, certificate, password",
                 [this](const Patience& patience) { return talk_->log_in(people_, patience); });
  }

  void converse(Version version) {
    const auto name = std::string(name_of(version)) + ": ";
    const auto step = [&](const char* what, auto part) {
      report_.step(name + what, [&](const Patience& patience) { return quietly((*talk_.*part)(version, patience)); });
    };
    report_.step(name + "device list and bundle published", [&](const Patience& patience) -> Outcome<std::string> {
      if (auto done = talk_->publish(version, patience); !done) return std::unexpected(std::move(done.error()));
      return approve_devices();
    });
    step("the other's list and bundle read", &Conversation::read_each_other);
    step("session begun, first message sealed and opened", &Conversation::write);
    step("answer sealed and opened", &Conversation::answer);
  }

  Outcome<std::string> approve_devices() {
    bool any = false;
    for (const auto& person : people_) {
      const auto approved = accounts_.approve_devices(person.jid, Report::step_time);
      if (!approved) return std::unexpected(approved.error());
      any = any || *approved;
    }
    return any ? "approved, as an administrator does here" : "";
  }

  Outcome<std::string> make_accounts() {
    const auto leftovers = accounts_.remove_leftovers(Report::step_time);
    if (!leftovers) return std::unexpected(leftovers.error());
    for (auto& person : people_) {
      auto account = accounts_.make(Report::step_time);
      if (!account) return std::unexpected(account.error());
      person = std::move(*account);
    }
    if (*leftovers == 0) return "";
    return std::to_string(*leftovers) + " of an earlier run removed";
  }

  const Place place_;
  const std::string ca_;
  Accounts& accounts_;
  Report report_;
  std::string address_;
  std::array<Account, 2> people_;
  std::unique_ptr<Conversation> talk_;
};

}  // namespace

int run(const Wish& wish) {
  if (!wish.ca.empty()) {
    if (const auto read = net::check_authorities(wish.ca); !read) {
      return report({could_not, "invalid", read.error().text}, wish.json);
    }
  }
  auto place = place_of(wish);
  if (!place) return report(place.error(), wish.json);
  const Interruption interruption;
  Accounts accounts(wish.control, place->host);
  if (const auto locked = accounts.lock(); !locked) {
    const auto& [condition, text, remedy] = locked.error();
    return report({refused, condition, text + "; " + remedy}, wish.json);
  }
  return Run(std::move(*place), wish.ca, wish.json, accounts)();
}

void add_command(CLI::App& cli, const std::string& control, const bool& json, int& exit) {
  auto wish = std::make_shared<Wish>();
  auto* omemo =
      cli.add_subcommand("omemo", "devices, keys, and whether sealed messages get through")->require_subcommand(1);
  auto* selftest = omemo->add_subcommand("selftest", "two throw-away accounts write to each other, sealed and not");
  selftest->add_option("host", wish->host, "one of the server's hosts, if it has several");
  selftest->add_option("--ca", wish->ca,
                       "PEM file with the authority of the host's certificate, if it is a private one");
  selftest->callback([&control, &json, &exit, wish] {
    wish->control = control;
    wish->json = json;
    exit = run(*wish);
  });
}

}  // namespace valise::ctl::selftest
