// One command for many accounts, each on its home shard.
#include "modules/administration/module.hpp"

namespace valise::modules::administration {
namespace {

// On the asker's shard.
struct Errand {
  Execution execution;
  std::vector<core::Jid> addresses;
  std::vector<Outcome> outcomes;
  std::size_t open;
};

core::StanzaError error_of(Outcome outcome) {
  if (outcome == Outcome::unknown) return no_such_account();
  if (outcome == Outcome::not_now) return try_later();
  return refusal(core::StanzaError::Type::cancel, "conflict",
                 {"This account exists, or existed: names are not given twice.",
                  "Ce compte existe ou a existé : un nom n’est jamais donné deux fois."});
}

void answer(Errand& errand) {
  auto& execution = errand.execution;
  if (errand.addresses.size() == 1) {
    const auto outcome = errand.outcomes.front();
    return outcome == Outcome::done ? execution.complete() : execution.refuse(error_of(outcome));
  }
  std::string failed;
  for (std::size_t i = 0; i < errand.addresses.size(); ++i) {
    if (errand.outcomes[i] != Outcome::done) failed += (failed.empty() ? "" : ", ") + errand.addresses[i].str();
  }
  if (failed.empty()) return execution.complete();
  const core::Text not_done{"Not done for: ", "Pas fait pour : "};
  execution.fail(std::string(not_done.in(execution.language())) + failed);
}

}  // namespace

void on_each(Execution execution, std::vector<core::Jid> addresses, Work work) {
  auto& shard = execution.shard();
  const auto count = addresses.size();
  auto errand = std::make_shared<Errand>(
      Errand{std::move(execution), std::move(addresses), std::vector<Outcome>(count, Outcome::not_now), count});
  for (std::size_t i = 0; i < count; ++i) {
    const auto& jid = errand->addresses[i];
    shard.on_home(jid.to_bare(), [jid, home = &shard, errand, i, work](core::Shard& there, core::Account* account) {
      Give give = [home, errand, i](Outcome outcome) {
        home->post([errand, i, outcome] {
          errand->outcomes[i] = outcome;
          if (--errand->open == 0) answer(*errand);
        });
      };
      if (account == nullptr) return give(Outcome::not_now);
      work(there, *account, jid, std::move(give));
    });
  }
}

}  // namespace valise::modules::administration
