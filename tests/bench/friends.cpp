#include "friends.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace valise::bench {

namespace {

// Servers bound how many requests may wait for one account.
constexpr std::size_t at_once = 50;

// An answered fence says that the server has handled all that was sent before.
bool everybody_is_served(Town& town, const std::vector<Client*>& hubs, std::span<Client* const> contacts) {
  std::vector<Client*> all(contacts.begin(), contacts.end());
  all.insert(all.end(), hubs.begin(), hubs.end());
  std::size_t answered = 0;
  for (auto* client : all) {
    client->on_answer = [&](Client&, std::string_view) { ++answered; };
    client->fence();
  }
  const bool done = town.loop.run(now_ns() + 120 * second_ns, [&] { return answered == all.size(); });
  if (!done) town.failure("subscriptions took too long");
  for (auto* client : all) client->on_answer = {};
  return done;
}

void each_to_each(const std::vector<Client*>& hubs, std::span<Client* const> contacts, std::string_view type) {
  for (auto* hub : hubs) {
    for (auto* contact : contacts) {
      hub->send(fmt::format("<presence type='{}' to='{}'/>", type, contact->bare_jid()));
      contact->send(fmt::format("<presence type='{}' to='{}'/>", type, hub->bare_jid()));
    }
  }
}

}  // namespace

bool befriend(Town& town, const std::vector<Client*>& hubs, const std::vector<Client*>& contacts) {
  const std::span<Client* const> all(contacts);
  for (std::size_t first = 0; first < all.size(); first += at_once) {
    const auto some = all.subspan(first, std::min(at_once, all.size() - first));
    each_to_each(hubs, some, "subscribe");
    if (!everybody_is_served(town, hubs, some)) return false;
    each_to_each(hubs, some, "subscribed");
    if (!everybody_is_served(town, hubs, some)) return false;
  }
  return true;
}

}  // namespace valise::bench
