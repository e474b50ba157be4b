#include "stream/socket_wire.hpp"

#include <utility>

namespace valise::stream {
namespace {
constexpr std::string_view prefixed = "<stream:";
}  // namespace

bool SocketWire::on_bytes(std::string_view bytes) {
  events().on_read(bytes.size());
  const auto* transport = &connection_->transport();
  feed(bytes);
  if (closed() || held_ || &connection_->transport() != transport) return false;
  events().on_parsed();
  return !closed();
}

void SocketWire::feed(std::string_view bytes) {
  while (!bytes.empty() && !deaf()) {
    if (held_) {  // what a client sends ahead waits
      if (carry_.size() + bytes.size() > longest_carry_) {
        return events().on_fault({"policy-violation", "too much was sent ahead"});
      }
      carry_ += bytes;
      return;
    }
    const auto taken = take(bytes);
    if (!taken) return;
    bytes.remove_prefix(*taken);
    if (turned()) return;
  }
}

void SocketWire::go_on() {
  held_ = false;
  const auto carried = std::exchange(carry_, {});
  feed(carried);
  if (!carried.empty() && !closed()) events().on_parsed();
}

void append_alone(std::string& out, std::string_view element) {
  const auto end = element.find_first_of(" />", 1);
  const auto name = element.substr(0, end);
  std::string_view declaration;
  if (name.starts_with(prefixed)) {
    declaration = " xmlns:stream='http://etherx.jabber.org/streams'";
  } else if (name == "<message" || name == "<iq" || name == "<presence") {
    declaration = " xmlns='jabber:client'";
  }
  out += name;
  out += declaration;
  out += element.substr(name.size());
}

}  // namespace valise::stream
