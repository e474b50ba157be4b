// How a module declares a command (XEP-0050), when it starts:
//
//   shard_.service<Commands>()->add({.node = "http://jabber.org/protocol/admin#end-user-session",
//       .name = {"End a session", "Terminer une session"}, .role = Role::administrator, .stages = 1,
//       .ask = […](const Values&, unsigned) { return form; },
//       .run = [this](Execution execution) { … execution.complete(); }});
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/iq.hpp"
#include "core/shard.hpp"
#include "modules/commands/form.hpp"

namespace valise::modules::commands {

inline constexpr std::string_view ns_commands = "http://jabber.org/protocol/commands";

// Who may run it, and sees that it is there.
enum class Role : std::uint8_t { account, administrator };

// A command whose last form was submitted, and the duty to answer. Lives on the asker's shard, across asynchronous
// steps too; one that is dropped answers internal-server-error.
class Execution {
 public:
  Execution(core::IqRequest request, std::string node, std::string id, core::Language language, Values values);

  [[nodiscard]] core::Shard& shard() const noexcept { return request_.shard(); }
  [[nodiscard]] std::string host() const { return request_.host(); }
  [[nodiscard]] const core::Jid& asker() const noexcept { return request_.from(); }  // full
  [[nodiscard]] std::uint64_t session() const noexcept { return session_; }          // core::Session::id
  [[nodiscard]] core::Language language() const noexcept { return language_; }
  [[nodiscard]] const Values& values() const noexcept { return values_; }
  // Who acts, for the records of what he changes.
  [[nodiscard]] const Ref<const core::audit::Origin>& origin() const noexcept { return origin_; }
  [[nodiscard]] bool is_encrypted() const noexcept { return encrypted_; }

  // Once. It is done, with what there is to tell.
  void complete(std::string_view note = {}) { finish(note, false, nullptr); }
  void complete(const Form& result, std::string_view note = {}) { finish(note, false, &result); }
  // §3.6: it ended, and something failed.
  void fail(std::string_view note) { finish(note, true, nullptr); }
  // It was not done; the command has ended.
  void refuse(const core::StanzaError& error) { request_.error(error); }

 private:
  void finish(std::string_view note, bool failed, const Form* result);

  core::IqRequest request_;
  std::string node_;
  std::string id_;
  core::Language language_;
  Values values_;
  Ref<const core::audit::Origin> origin_;
  std::uint64_t session_ = 0;
  bool encrypted_ = false;
};

struct Command {
  std::string node;
  core::Text name;
  Role role = Role::account;
  unsigned stages = 0;      // forms that are asked, one behind the other
  bool may_be_cut = false;  // "complete" is allowed at each of them
  // The form of stage 0, 1, … behind what the stages before it said.
  std::function<Form(const Values& so_far, unsigned stage)> ask{};
  // Whether the host has it; null: every host has.
  std::function<bool(const std::string& host)> on_host{};
  std::function<void(Execution)> run;
};

// Published by modules/commands, which stands before those that declare commands.
class Commands {
 public:
  // When the module starts. Throws std::logic_error for a node that is declared twice.
  virtual void add(Command command) = 0;

 protected:
  ~Commands() = default;
};

}  // namespace valise::modules::commands
