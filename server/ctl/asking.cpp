#include "asking.hpp"

#include <cstdio>
#include <utility>

namespace valise::ctl {

using Json = nlohmann::json;

std::expected<Json, Failure> ask(const Asking& asking, Json request) {
  Client client;
  if (auto connected = client.connect(asking.socket); !connected) return std::unexpected(connected.error());
  return client.ask(std::move(request));
}

int print(const Json& answer, const Asking& asking, const Layout& layout) {
  const auto text =
      asking.json ? answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : shown(answer, layout);
  std::fputs(text.c_str(), stdout);
  return done;
}

int ask_and_print(const Asking& asking, Json request, const Layout& layout) {
  const auto answer = ask(asking, std::move(request));
  return answer ? print(*answer, asking, layout) : report(answer.error(), asking.json);
}

}  // namespace valise::ctl
