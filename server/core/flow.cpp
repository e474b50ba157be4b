#include "core/flow.hpp"

#include "core/record_id.hpp"

namespace valise::core {

std::string_view name_of(Sealing::Mode mode) noexcept {
  static constexpr std::string_view names[] = {"required", "warn", "off"};
  return names[static_cast<unsigned>(mode)];
}

bool puts_row(const std::vector<storage::Write>& writes, std::string_view owner) {
  return std::ranges::any_of(writes, [&](const storage::Write& write) {
    const auto* put = std::get_if<storage::PutMessage>(&write);
    return put != nullptr && std::ranges::find(put->boxes, owner, &storage::BoxOwner::owner) != put->boxes.end();
  });
}

Verdict make_refusal(StanzaError error, std::string_view reason, bool silent) {
  auto made = std::make_unique<Refusal>();
  made->error = std::move(error);
  made->reason = reason;
  made->silent = silent;
  return made;
}

void describe(Flow& flow) {
  const auto& stanza = *flow.stanza;
  auto& record = flow.record;
  record.type = audit::stanza_type_of(stanza.type);
  record.size = stanza.size;
  if (stanza.to) record.recipient = stanza.to->bare();
  record.stanza_id = id_for_record(stanza);
  record.sender_device = stanza.seal.sender_device;
  record.recipient_keys = stanza.seal.keys;
  switch (stanza.seal.form) {
    case Seal::Form::none:
      record.encryption = audit::Encryption::none;
      break;
    case Seal::Form::legacy:
      record.encryption = audit::Encryption::legacy;
      break;
    case Seal::Form::omemo_2:
    case Seal::Form::both:
      record.encryption = audit::Encryption::omemo2;
      break;
  }
}

}  // namespace valise::core
