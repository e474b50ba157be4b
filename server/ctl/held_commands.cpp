#include "held_commands.hpp"

#include <CLI/CLI.hpp>

#include <memory>

#include "asking.hpp"

namespace valise::ctl {
namespace {

using Json = nlohmann::json;

struct Options : Asking {
  std::string jid{};
};

std::string released(const Json& answer) {
  const auto count = answer.value("released", std::size_t{0});
  return answer.value("jid", "") + ": " + std::to_string(count) + (count == 1 ? " message comes" : " messages come") +
         " now\n";
}

}  // namespace

void add_held_commands(CLI::App& cli, const std::string& socket, const bool& json, int& code) {
  const auto options = std::make_shared<Options>(Options{{.socket = socket, .json = json}});
  auto* held = cli.add_subcommand("held", "messages that a rule holds back (Delay)")->require_subcommand(1);
  auto* list = held->add_subcommand("list", "which, by whose rule, until when; at most 1,000, the first that are due");
  list->add_option("jid", options->jid, "name@host: those for this account, as they came");
  list->callback([options, &code] {
    code = ask_and_print(
        *options, {{"command", "held.list"}, {"jid", options->jid}},
        {.columns = {"due", "sent", "for", "from", "id", "rule"}, .nothing = "no messages are held back"});
  });
  auto* release = held->add_subcommand("release", "gives an account now what is held back for it");
  release->add_option("jid", options->jid, "name@host")->required();
  release->callback([options, &code] {
    code = ask_and_print(*options, {{"command", "held.release"}, {"jid", options->jid}}, {.sentence = &released});
  });
}

}  // namespace valise::ctl
