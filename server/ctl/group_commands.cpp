#include "group_commands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "asking.hpp"

namespace valise::ctl {
namespace {

using Json = nlohmann::json;

constexpr std::size_t at_once = 200;  // addresses of a request, which has at most 65,536 bytes

// Kept by the command line's callbacks.
struct Options : Asking {
  std::string group;
  std::vector<std::string> addresses;
  bool batch = false, all = false;
};

std::string sentence(const Json& answer, std::string_view did, std::string_view as_before) {
  auto out = answer.value("group", "") + ": " + std::to_string(answer.value("changed", 0U)) + std::string(did);
  if (const auto count = answer.value("as_before", 0U); count != 0)
    out += ", " + std::to_string(count) + std::string(as_before);
  const auto members = answer.value("members", 0U);
  out += "; " + std::to_string(members) + (members == 1 ? " member\n" : " members\n");
  const auto notice = answer.value("notice", "");
  return notice.empty() ? out : out + "note: " + notice + "\n";
}
std::string added(const Json& answer) { return sentence(answer, " added", " there already"); }
std::string removed(const Json& answer) { return sentence(answer, " taken out", " not there"); }

// Lines of standard input, an address each; nothing behind "#".
void read_batch(std::vector<std::string>& to) {
  constexpr std::string_view blank = " \t\r";
  for (std::string line; std::getline(std::cin, line);) {
    line.resize(std::min(line.size(), line.find('#')));
    const auto begin = line.find_first_not_of(blank);
    if (begin == std::string::npos) continue;
    to.push_back(line.substr(begin, line.find_last_not_of(blank) + 1 - begin));
  }
}

// Some at a time; what went before stays done when one of them is refused.
int change(Options& options, const char* command, const Layout& layout) {
  if (options.batch) {
    read_batch(options.addresses);
    if (options.addresses.empty()) return report({could_not, "invalid", "no address was read"}, options.json);
  }
  Json sum;
  for (std::size_t from = 0; from == 0 || from < options.addresses.size(); from += at_once) {
    const auto until = std::min(from + at_once, options.addresses.size());
    Json some = Json::array();
    for (auto i = from; i < until; ++i) some.push_back(options.addresses[i]);
    const auto answer =
        ask(options,
            {{"command", command}, {"group", options.group}, {"addresses", std::move(some)}, {"all", options.all}});
    if (!answer) {
      if (!sum.is_null()) print(sum, options, layout);
      return report(answer.error(), options.json);
    }
    auto so_far = *answer;
    for (const char* count : {"changed", "as_before"}) {
      if (!sum.is_null()) so_far[count] = so_far.value(count, 0U) + sum.value(count, 0U);
    }
    sum = std::move(so_far);
  }
  return print(sum, options, layout);
}

}  // namespace

void add_group_commands(CLI::App& cli, const std::string& socket, const bool& json, int& code) {
  const auto options = std::make_shared<Options>(Options{{.socket = socket, .json = json}, {}, {}});
  auto* group = cli.add_subcommand("group", "who belongs to the groups that the policy names")->require_subcommand(1);
  group->add_subcommand("list", "the groups, where their members come from, and how that goes")
      ->callback([options, &code] {
        code = ask_and_print(*options, {{"command", "group.list"}},
                             {.columns = {"name", "from", "state", "members", "includes", "left_out", "answered",
                                          "failures", "silent_answers", "holds", "last_error"},
                              .nothing = "no groups"});
      });
  auto* show = group->add_subcommand("show", "the members of a group");
  show->add_option("group", options->group, "its name")->required();
  show->callback([options, &code] {
    code = ask_and_print(*options, {{"command", "group.show"}, {"group", options->group}},
                         {.columns = {"member", "from"}, .nothing = "no members"});
  });
  auto* add = group->add_subcommand("add", "makes addresses members of a group in the store");
  add->add_option("group", options->group, "its name")->required();
  add->add_option("addresses", options->addresses, "name@host …");
  add->add_flag("--batch", options->batch, "reads addresses from standard input, one a line");
  add->callback([options, &code] {
    if (options->addresses.empty() && !options->batch) throw CLI::RequiredError("addresses");
    code = change(*options, "group.add", {.sentence = &added});
  });
  auto* remove = group->add_subcommand("remove", "takes addresses out of a group in the store");
  remove->add_option("group", options->group, "its name")->required();
  remove->add_option("addresses", options->addresses, "name@host …");
  remove->add_flag("--batch", options->batch, "reads addresses from standard input, one a line");
  remove->add_flag("--all", options->all, "takes out all, and the group with them");
  remove->callback([options, &code] {
    const bool some = !options->addresses.empty() || options->batch;
    if (some == options->all) throw CLI::RequiredError("addresses, or --all");
    code = change(*options, "group.remove", {.sentence = &removed});
  });
}

}  // namespace valise::ctl
