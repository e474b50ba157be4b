// The table as people read it: docs/sealed-table.md.
#include <fmt/core.h>

#include "modules/omemo/table/table.hpp"

namespace valise::modules::omemo::table {
namespace {

constexpr std::string_view head =
    "# What passes: the table\n\n"
    "`valised --describe-sealed` prints it from `modules/omemo/table`, which the checks themselves read. Rules and "
    "decisions (3.1, D1 …)\nare in [sealed.md](sealed.md). **What has no row does not pass.**\n\n"
    "*pass*: written anew, of it what the row says and nothing else. *strip*: left out, the rest survives. *replace*: "
    "something of the\nserver's stands there instead. *refuse*: nothing of the whole goes on, its sender gets an "
    "error. "
    "A *switch* opens a row that\ndoes not pass (`sealed.allow`) or closes one that does (`sealed.deny`), by host; "
    "other "
    "switches are options by their names.\n\n"
    "Values: an `id` is a *token*: at most 128 printable ASCII characters without blanks. `jid`, `to`: a bare address. "
    "`password`: a\ntoken of 64. `thread`: 64 `[A-Za-z0-9._-]`. `continue`: a boolean. A *name of software*: 64 bytes, "
    "at "
    "most four words. Attributes that\na row does not name are left out. Each element stands once.\n";

std::string element(std::string_view name, std::string_view ns) {
  if (name.empty() && ns.empty()) return "everything else";
  return name.empty() ? fmt::format("each in `{}`", ns) : fmt::format("`{}` `{}`", name, ns);
}

std::string switch_of(Switch by, std::string_view option, bool beside_only) {
  if (!option.empty()) return fmt::format("`{}`", option);
  if (by == Switch::none) return {};
  const auto& row = switches()[static_cast<std::size_t>(by)];
  return fmt::format("`{}` {}{}", row.name, row.open ? "closes" : "opens", beside_only ? " it beside a seal" : "");
}

// What stands in the column "of it", from the row's attributes and words.
std::string of_it(const MessageRow& row) {
  std::string out;
  for (const auto name : row.attributes) {
    if (!name.empty()) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", name);
  }
  if (out.empty() && row.what.empty() && row.form == Form::empty) return "empty";
  if (!row.what.empty()) out += fmt::format("{}{}", out.empty() ? "" : "; ", row.what);
  return out;
}

std::string alone(const MessageRow& row) {
  std::string out(name_of(row.alone));
  if (row.alone == Verdict::pass && row.matter == Matter::aside) return out + ", beside a sign or matter";
  if (row.because == Because::plaintext || row.alone != Verdict::refuse) return out;
  return out + (row.because == Because::reaction ? ": `reaction`"
                : row.because == Because::file   ? ": `file`"
                                                 : ": `subject`");
}

void append_messages(std::string& out) {
  out +=
      "\n## Messages\n\nThree kinds pass: with a valid seal; without one, a sign or one matter (3.3); errors. Beside a "
      "seal what does not fit is left\nout, alone it refuses the whole, with the reason `plaintext` if no other is "
      "named "
      "(`subject` in `groupchat` only).\n\n"
      "| element | beside a seal | alone | of it | why | switch |\n|---|---|---|---|---|---|\n";
  for (const auto& row : message_rows()) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", element(row.name, row.ns), name_of(row.beside), alone(row),
                       of_it(row), row.why, switch_of(row.by, {}, row.turns == Place::beside));
  }
}

void append_rows(std::string& out, Path path, std::string_view title, std::string_view about) {
  out += fmt::format("\n## {}\n\n{}\n\n| element | | of it | why | switch |\n|---|---|---|---|---|\n", title, about);
  for (const auto& row : rows(path)) {
    auto what = element(row.name, row.ns);
    if (path == Path::node && !row.name.empty()) what = fmt::format("`{}`{}", row.name, row.prefix ? "…" : "");
    if (path == Path::request && !row.type.empty()) what = fmt::format("{} {}", row.type, what);
    out += fmt::format("| {} | {} | {} | {} | {} |\n", what, name_of(row.verdict), row.what, row.why,
                       switch_of(row.by, row.option, false));
  }
}

std::string handled(const HandlerRow& row) {
  using enum core::Handled::Kind;
  switch (row.kind) {
    case iq:
      return fmt::format("{} {} of the {}", row.type, element(row.name, row.ns), row.place);
    case hook:
      return fmt::format("{} at {}", row.type, row.place);
    case nonza:
      return fmt::format("the stream's elements in `{}`", row.ns);
    case bind:
      return row.ns.empty() ? std::string("what each session is told when it is bound")
                            : fmt::format("with log-in: {}", element(row.name, row.ns));
    case owner:
      return fmt::format("`{}`", row.place);
  }
  return {};
}

void append_handlers(std::string& out) {
  out +=
      "\n## What modules handle\n\n*strip*: it is answered or decided, and nothing of it goes on. A module that "
      "handles "
      "something without a row does not start.\n\n| module | what | | of it |\n|---|---|---|---|\n";
  for (const auto& row : handler_rows()) {
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.module, handled(row), name_of(row.verdict), row.what);
  }
}

void append_ways(std::string& out) {
  for (const auto& some : ways()) {
    out += fmt::format("\n## {}\n\n", some.title);
    if (!some.there) out += "*Not there yet*: nothing goes this way today. What shall hold once it is there:\n\n";
    out += "| way | of it | | today | why |\n|---|---|---|---|---|\n";
    for (const auto& row : some.rows) {
      out += fmt::format("| {} | {} | {} | {} | {} |\n", row.way, row.what, name_of(row.verdict), row.today, row.why);
    }
  }
}

void append_switches(std::string& out) {
  out +=
      "\n## Switches\n\nBy host. What a switch let in while it was open is not shown once it is closed (3.6).\n\n"
      "| switch | default | it is about | why |\n|---|---|---|---|\n";
  for (const auto& row : switches()) {
    const auto* otherwise = row.open ? "open; `sealed.deny` closes it" : "closed; `sealed.allow` opens it";
    out += fmt::format("| `{}` | {} | {} | {} |\n", row.name, otherwise, row.opens, row.because);
  }
}

}  // namespace

std::string_view name_of(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::strip:
      return "strip";
    case Verdict::replace:
      return "replace";
    case Verdict::refuse:
      return "refuse";
  }
  return "?";
}

std::string describe() {
  std::string out(head);
  append_messages(out);
  append_rows(out, Path::presence, "Presence", "Of each the first one counts.");
  append_rows(out, Path::request, "Requests between devices",
              "Another person's or one's own, and what is asked of somebody else's account.");
  append_rows(
      out, Path::answer, "Answers between devices",
      "Once, to a question that this session has asked that device in the last ten minutes; also without content.");
  append_rows(out, Path::node, "Published nodes",
              "An item's id is a token of 64, where nothing else is said. Of a node title, description, type and "
              "language are not heard.\nNobody but the owner publishes.");
  append_rows(out, Path::card, "Cards",
              "XEP-0054, and XEP-0292 as published; 4 KiB without the picture; of `org`, `email`, `tel` eight, of the "
              "others one. `vcard.mode`:\n`readonly`: nobody changes a card of XEP-0054; `free`: it is kept as it is.");
  append_rows(out, Path::private_xml, "Private XML", "XEP-0049.");
  append_handlers(out);
  append_ways(out);
  append_switches(out);
  return out;
}

}  // namespace valise::modules::omemo::table
