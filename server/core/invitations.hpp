// What invitations let happen (XEP-0401, XEP-0379, XEP-0445): a small interface between modules (services.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "core/audit/record.hpp"
#include "core/jid/jid.hpp"
#include "storage/types.hpp"

namespace valise::core {

struct Invitation {
  std::string id;                   // SHA-256 of the token, hexadecimal: the token itself is kept nowhere
  std::string host;                 // to which it invites
  std::string inviter;              // bare JID; empty: the administrator, whose contact nobody becomes
  std::string name;                 // local part of the account that may be made; empty: a name of one's choice
  std::vector<std::string> groups;  // in which the two appear in each other's contact list
  bool account = false;             // an account may be made with it (XEP-0445)
  bool contact = false;             // who uses it becomes the inviter's contact
  unsigned uses = 1;                // so often
  unsigned used = 0;
  std::int64_t created_ms = 0;  // UTC
  std::int64_t expires_ms = 0;
};

// Published by modules/invitations on each shard. `then` runs there, now or later.
class Invitations {
 public:
  [[nodiscard]] virtual bool enabled(std::string_view host) const = 0;
  // XEP-0445 §4: the invitation of a token that is good now; nothing: unknown, used up, out of time, revoked, or its
  // inviter has left.
  virtual void look_up(std::string host, std::string_view token,
                       std::function<void(std::optional<Invitation>)> then) = 0;
  // An account is about to be made, with the invitation `id` or without one (empty). ok: nobody else has this use, or
  // this name, until finish(). Errors: conflict (the name is kept for somebody else), not_found (the invitation was
  // revoked or used up since it was looked up; time that ran out since then does not count), unavailable.
  virtual void begin(std::string id, const Jid& account, std::function<void(Result<>)> then) = 0;
  // The row that has to become durable with the account: the use.
  [[nodiscard]] virtual storage::Write use(std::string_view id, const Jid& account) const = 0;
  // `made`: account and use are durable: the two become contacts. Otherwise the use is free again.
  virtual void finish(std::string id, const Jid& account, bool made) = 0;
  // XEP-0379 §3.5: `contact` asks to subscribe to `inviter` and shows a token. True: it was one of his for that, and it
  // is used now.
  virtual void use_for_contact(std::string_view token, const Jid& inviter, const Jid& contact,
                               std::function<void(bool)> then) = 0;

  // -- who makes them; `by`: who acts, for the record
  struct Made {
    std::string token;
    Invitation invitation;
    std::string uri;      // XEP-0401 §5.1, §5.4
    std::string web_url;  // of the page; empty: there is none
  };
  // `wish` without id and times. Errors: conflict (the name is somebody's, or kept for somebody), not_found (the
  // inviter is nobody who may log in), limit, invalid, unavailable.
  virtual void make(Invitation wish, std::int64_t lifetime_ms, Ref<const audit::Origin> by,
                    std::function<void(Result<Made>)> then) = 0;
  // What whoever holds the token may see of it; nothing is used up. Errors: not_found (no such token, as far as is
  // known), conflict (it was good once: used up, out of time, revoked, or its inviter has left), unavailable.
  virtual void show(std::string host, std::string_view token, std::function<void(Result<Made>)> then) = 0;
  virtual void list(std::string host, std::function<void(Result<std::vector<Invitation>>)> then) = 0;
  // By the beginning of its id, eight digits at least. Errors: not_found, conflict (it begins several), unavailable.
  virtual void revoke(std::string host, std::string id, Ref<const audit::Origin> by,
                      std::function<void(Result<>)> then) = 0;

 protected:
  ~Invitations() = default;
};

// Where an invitation can be read on the web (XEP-0401 §5.2). Published by modules/invitation_page on each shard.
class InvitationPage {
 public:
  // "" where the host has no such page.
  [[nodiscard]] virtual std::string url_of(std::string_view host, std::string_view token) const = 0;

 protected:
  ~InvitationPage() = default;
};

// What a stranger's stream (core::Stranger) is as well: it keeps the invitation that was shown.
class Invited {
 public:
  // As it was when it was looked up; null: none.
  [[nodiscard]] virtual const Invitation* invitation() const = 0;
  // Keeps it, and sends XML, from any shard, as long as the stream is there and has not logged in.
  [[nodiscard]] virtual std::function<void(Invitation, std::string)> admit() = 0;

 protected:
  ~Invited() = default;
};

}  // namespace valise::core
