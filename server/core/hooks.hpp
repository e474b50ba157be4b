// Everything that the modules of one shard have declared, ordered and ready to run. Filled at start, then only read.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/handled.hpp"
#include "core/module.hpp"
#include "core/settings.hpp"

namespace valise::core {

class Hooks final {
 public:
  struct NamedHook {
    std::string module;
    StanzaHook run;
    Order order;
  };
  struct IqEntry {
    std::string module;
    std::string name;
    IqHandler handler;
  };

  // In running order.
  [[nodiscard]] const std::vector<NamedHook>& at(Stage stage, Kind kind) const noexcept {
    return stages_[static_cast<std::size_t>(stage)][static_cast<std::size_t>(kind)];
  }
  // The handler of a request; null if nobody declared it.
  [[nodiscard]] const IqHandler* iq(IqTarget target, std::string_view type, std::string_view name,
                                    std::string_view ns) const;

  // Null if nobody declared the namespace.
  [[nodiscard]] const NonzaHandler* nonza(std::string_view ns) const;

  struct BindFeature {
    std::string feature, name, ns;
    BindHandler handler;
    OfferedOn offered;
  };
  std::vector<BindFeature> bind_features;
  std::vector<std::function<void(Session&, BoundAnswer)>> bound;
  std::vector<PartLoader> loaders;  // by slot
  unsigned session_parts = 0;
  std::vector<std::function<void(Session&)>> session_events[4];
  std::function<void(Session&, Flow)> outbound_presence;
  std::function<void(Flow)> inbound_presence;
  std::function<bool(const Stanza&)> is_service_message;
  std::function<void(Session&, Flow)> service_messages;
  std::function<bool(Session&, Flow&)> departures;
  std::function<Verdict(Flow&, std::vector<storage::Write>&)> offline_messages;
  std::function<Verdict(Flow&, std::vector<storage::Write>&)> held_messages;
  MessageCopies* copies = nullptr;
  Arrivals* arrivals = nullptr;

  // Asked for everything that a module declares; null: it may declare nothing that carries anything.
  HasRow has_row = nullptr;

  // A registrar that writes down under the name of `module`.
  [[nodiscard]] std::unique_ptr<Registrar> registrar(std::string_view module);
  // Sorts every stage; names the modules of a cycle. Also what was declared twice, and what has no row in the table of
  // what passes.
  [[nodiscard]] Result<> finish();
  // One line a module and stage, in running order: `valisectl hooks`. Several hooks of one in a row are counted.
  [[nodiscard]] std::string describe() const;

 private:
  friend class HookRegistrar;
  std::array<std::array<std::vector<NamedHook>, 3>, stage_count> stages_;
  TextMap<std::vector<IqEntry>> iqs_;  // by "target type ns"
  TextMap<NonzaHandler> nonzas_;       // by namespace
  std::string problem_;
};

}  // namespace valise::core
