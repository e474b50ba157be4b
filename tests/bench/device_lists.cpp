#include "device_lists.hpp"

#include <fmt/format.h>

#include "omemo_bundle.hpp"
#include "omemo_message.hpp"

namespace valise::bench {

bool publish_devices(Town& town, const std::vector<Client*>& clients) {
  const auto failed_before = town.failed;
  std::size_t finished = 0;
  const auto publish = [](Client& client, const std::string& node, const std::string& payload) {
    client.request(
        "set",
        fmt::format(
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='eu.siacs.conversations.axolotl.{}'>"
            "<item id='current'>{}</item></publish><publish-options><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE' "
            "type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
            "<field var='pubsub#access_model'><value>open</value></field></x></publish-options></pubsub>",
            node, payload));
  };
  // One after the other, as clients do it: ejabberd refuses some of several nodes that are created at the same time.
  const auto step = [&](Client& client, std::size_t number) {
    const auto devices = devices_of(client.account().user);
    if (number == 0) return publish(client, fmt::format("bundles:{}", devices.own), make_bundle());
    if (number == 1) return publish(client, fmt::format("bundles:{}", devices.other), make_bundle());
    if (number == 2) {
      return publish(
          client, "devicelist",
          fmt::format("<list xmlns='eu.siacs.conversations.axolotl'><device id='{}'/><device id='{}'/></list>",
                      devices.own, devices.other));
    }
    ++finished;
  };
  std::vector<std::size_t> steps(clients.size(), 0);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i]->on_answer = [&, i](Client& client, std::string_view element) {
      if (attribute(element, "type") != "result") {
        const auto error = element.rfind("<error");
        return town.failure(client.account().user + ": publishing refused: " +
                            std::string(error == std::string_view::npos ? element : element.substr(error, 400)));
      }
      step(client, ++steps[i]);
    };
    step(*clients[i], 0);
  }
  const bool done = town.loop.run(now_ns() + 120 * second_ns,
                                  [&] { return finished == clients.size() || town.failed > failed_before; });
  if (!done) town.failure("publishing device lists took too long");
  for (auto* client : clients) client->on_answer = {};
  return town.failed == failed_before;
}

}  // namespace valise::bench
