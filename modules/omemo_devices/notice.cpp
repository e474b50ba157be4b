// What the account's other devices are told of a new one: a message of the domain, in both languages, that of whoever
// reads it first. It is told once, when the device's key is known, because by the key people recognise it.
#include <fmt/core.h>

#include <algorithm>

#include "base/clock.hpp"
#include "modules/omemo_devices/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::omemo_devices {
namespace {

using core::Language;
using core::Text;

// UTC, to the minute.
std::string minute(std::int64_t ms) {
  auto text = format_utc_ms(ms).substr(0, 16);
  text[10] = ' ';
  return text + " UTC";
}

constexpr Text head(News news, bool waits) {
  if (news == News::keys) {
    return {"A device of your account has other keys than before:",
            "Un appareil de votre compte a d’autres clés qu’auparavant :"};
  }
  if (waits) return {"A new device wants to use your account:", "Un nouvel appareil veut utiliser votre compte :"};
  return {"A new device was added to your account:", "Un nouvel appareil a été ajouté à votre compte :"};
}

constexpr Text line{"{}, fingerprint {}, {}.", "{}, empreinte {}, le {}."};

constexpr Text wait_for(Approval approval) {
  if (approval == Approval::device) {
    return {"It waits for approval: from another of your devices, in its menu of commands, or by your administrator.",
            "Il attend une approbation : depuis un autre de vos appareils, dans son menu de commandes, ou par votre "
            "administrateur."};
  }
  return {"It waits for the approval of your administrator.", "Il attend l’approbation de votre administrateur."};
}

constexpr Text not_yours{"If it is not yours, change your password and tell your administrator.",
                         "S’il n’est pas à vous, changez votre mot de passe et prévenez votre administrateur."};

std::string body(const std::vector<const Device*>& devices, Approval approval, Language language) {
  const auto& first = *devices.front();
  const bool waits = is_kept_out(first.state);
  std::string out(head(first.news, waits).in(language));
  for (const auto* device : devices) {
    out += devices.size() == 1 ? " " : "\n";
    out += fmt::format(fmt::runtime(line.in(language)), device->id, fingerprint(*device), minute(device->first_ms));
  }
  if (waits) (out += ' ') += wait_for(first.by_rule ? Approval::administrator : approval).in(language);
  return (out += ' ') += not_yours.in(language);
}

bool hears(const core::Session* session) { return session->available && session->priority >= 0; }

}  // namespace

bool OmemoDevicesModule::hears_another(const core::Account& account, const Device& device) const {
  return std::ranges::any_of(account.sessions, [&](const core::Session* session) {
    return hears(session) && session->jid.resource() != device.resource;
  });
}

// Of these devices those that are to be told of, and can be now; the others wait for their keys, or for somebody who
// hears it.
void OmemoDevicesModule::tell(core::Account& account, const Ids& ids) {
  auto* mine = part(account);
  if (mine == nullptr) return;
  std::vector<const Device*> now;
  for (const auto id : ids) {
    auto* device = mine->known.find(id);
    if (device == nullptr || device->news == News::none || device->state == State::heard_of) continue;
    if (!rules_of(account).notice) {
      device->news = News::none;
      write(account, *device, std::nullopt);
    } else if (!device->identity) {
      learn_key(account, id);
    } else if (hears_another(account, *device)) {
      now.push_back(device);
    }
  }
  // Those of which the same is to be said, in one message.
  while (!now.empty()) {
    const auto& first = *now.front();
    const auto others = std::ranges::stable_partition(now, [&](const Device* device) {
      return device->news != first.news || is_kept_out(device->state) != is_kept_out(first.state);
    });
    say(account, {others.begin(), others.end()});
    for (const auto* told : others) {
      auto& device = *mine->known.find(told->id);
      device.news = News::none;
      write(account, device, std::nullopt);
    }
    now.erase(others.begin(), others.end());
  }
}

// Of a bundle that was there before the list, and before anybody looked.
void OmemoDevicesModule::learn_key(core::Account& account, std::uint32_t id) {
  for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
    lists_->identity_key(account, version, id,
                         [this, jid = account.jid, version, id](const std::optional<omemo_keys::Key>& key) {
                           auto* owner = shard_.find_account(jid.full());
                           auto* mine = owner == nullptr ? nullptr : part(*owner);
                           auto* device = mine == nullptr ? nullptr : mine->known.find(id);
                           if (!key || device == nullptr || device->identity) return;
                           device->identity = version == OmemoVersion::omemo_2 ? omemo_keys::montgomery_u(*key) : key;
                           if (device->identity) tell(*owner, {id});
                         });
  }
}

void OmemoDevicesModule::available(core::Session& session) {
  const auto* mine = part(session.account);
  if (mine == nullptr) return;
  Ids waiting;
  for (const auto& device : mine->known.all()) {
    if (device.news != News::none) waiting.push_back(device.id);
  }
  if (!waiting.empty()) tell(session.account, waiting);
}

void OmemoDevicesModule::say(core::Account& account, const std::vector<const Device*>& devices) {
  auto first = Language::english;
  if (const auto* host = shard_.host(account.jid.domain())) first = host->language;
  const auto reader = std::ranges::find_if(account.sessions, [&](const core::Session* session) {
    return hears(session) && session->jid.resource() != devices.front()->resource;
  });
  if (reader != account.sessions.end()) first = (*reader)->language;
  const auto other = first == Language::french ? Language::english : Language::french;
  const auto approval = rules_of(account).rules.approval;
  std::string children;
  xml::Writer writer(children);
  for (const auto language : {first, other}) {  // RFC 6121 §5.2.3: a client that knows its language shows that one
    writer.open("body").attribute("xml:lang", core::tag_of(language));
    writer.text(body(devices, approval, language)).close();
  }
  shard_.say(std::string(account.jid.domain()), "chat", account.jid, children, [](bool) {});
}

}  // namespace valise::modules::omemo_devices
