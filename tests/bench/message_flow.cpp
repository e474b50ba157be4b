#include "message_flow.hpp"

#include <algorithm>

#include "report.hpp"

namespace valise::bench {

namespace {

// The stamp of a message: on the stanza itself, or on the one that a carbon (XEP-0280 §7, §8) has forwarded.
bool stamp_of(std::string_view element, Stamp& stamp) {
  if (parse_stamp(attribute(element, "id"), stamp)) return true;
  const auto forwarded = element.find("<forwarded");
  if (forwarded == std::string_view::npos) return false;
  const auto inner = element.find("<message", forwarded);
  return inner != std::string_view::npos && parse_stamp(attribute(element.substr(inner), "id"), stamp);
}

}  // namespace

void MessageFlows::add(Client& from, const std::vector<Client*>& receivers) {
  const Client& to = *receivers.front();
  const auto flow = flows_.size();
  flows_.push_back({.from = &from,
                    .maker = MessageMaker(from.account().user, to.account().user, to.bare_jid(), random_),
                    .receivers = receivers.size()});
  for (auto* client : receivers) {
    client->slot = receivers_.size();
    receivers_.push_back({.flow = flow, .first = client == receivers.front()});
    client->on_stanza = [this](Client& c, std::string_view element) { handle(c, element); };
  }
  // A refusal comes back to the sender, whether or not it is a receiver of carbons.
  if (!from.on_stanza) {
    from.on_stanza = [this](Client&, std::string_view element) {
      Stamp stamp;
      if (element_name(element) != "message" || !stamp_of(element, stamp)) return;
      if (attribute(element, "type") == "error") {
        ++refused_;
        town_.failure("refused: " + std::string(element.substr(0, 400)));
      } else {
        ++foreign_;
      }
    };
  }
}

bool MessageFlows::send(std::size_t index, Nanos due) {
  auto& flow = flows_[index];
  if (flow.under_way >= window_) return false;
  ++flow.under_way;
  ++sent_;
  expected_ += flow.receivers;
  const auto message = flow.maker.make({static_cast<std::uint32_t>(index), flow.sent++, due});
  if (asks_)
    flow.from->send_with_request(message);
  else
    flow.from->send(message);
  return true;
}

void MessageFlows::start() {
  flat_out_ = true;
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    while (send(i, now_ns())) {
    }
  }
}

Nanos MessageFlows::pace(Nanos now, double rate) {
  const auto step = static_cast<Nanos>(static_cast<double>(second_ns) / rate);
  if (next_due_ == 0) next_due_ = now;
  for (; next_due_ <= now; next_due_ += step) overdue_.push_back(next_due_);
  while (!overdue_.empty()) {
    std::size_t tried = 0;
    while (tried < flows_.size() && !send(next_flow_, overdue_.front())) {
      next_flow_ = (next_flow_ + 1) % flows_.size();
      ++tried;
    }
    if (tried == flows_.size()) break;
    next_flow_ = (next_flow_ + 1) % flows_.size();
    overdue_.pop_front();
  }
  return next_due_;
}

void MessageFlows::handle(Client& client, std::string_view element) {
  Stamp stamp;
  if (element_name(element) != "message" || !stamp_of(element, stamp)) return;
  if (attribute(element, "type") == "error") {
    ++refused_;
    return town_.failure("refused: " + std::string(element.substr(0, 400)));
  }
  auto& receiver = receivers_[client.slot];
  if (stamp.flow != receiver.flow) {
    ++foreign_;
    return;
  }
  count(receiver, stamp);
}

void MessageFlows::count(Receiver& receiver, const Stamp& stamp) {
  auto& flow = flows_[receiver.flow];
  if (stamp.sequence >= flow.sent) {  // not one of this run
    ++foreign_;
    return;
  }
  if (stamp.sequence < receiver.next) {
    if (receiver.missing.erase(stamp.sequence) == 0) {
      ++doubled_;
      return;
    }
    ++reordered_;
  } else {
    while (receiver.next < stamp.sequence) receiver.missing.insert(receiver.next++);
    ++receiver.next;
  }
  ++copies_;
  if (!receiver.first) return;
  ++arrived_;
  if (flow.under_way > 0) --flow.under_way;
  const Nanos now = now_ns();
  if (stamp.due >= measure_from_) latencies_.push_back(now - stamp.due);
  if (flat_out_) send(receiver.flow, now);
}

std::uint64_t MessageFlows::missing() const { return expected_ > copies_ ? expected_ - copies_ : 0; }

std::uint64_t MessageFlows::unacknowledged() const {
  std::uint64_t open = 0;
  for (const auto& flow : flows_) open += flow.from->unacknowledged();
  return open;
}

void MessageFlows::drain() {
  flat_out_ = false;
  std::uint64_t before = 0;
  do {
    before = copies_;
    if (town_.loop.run(now_ns() + 10 * second_ns, [&] { return missing() == 0 && unacknowledged() == 0; })) return;
  } while (copies_ != before);
}

void MessageFlows::report(Report& report) const {
  report.set("messages_sent", static_cast<double>(sent_));
  report.set("copies_received", static_cast<double>(copies_));
  report.set("lost", static_cast<double>(missing()));
  report.set("unacknowledged", static_cast<double>(unacknowledged()));
  report.set("doubled", static_cast<double>(doubled_));
  report.set("reordered", static_cast<double>(reordered_));
  report.set("refused", static_cast<double>(refused_));
  report.set("foreign", static_cast<double>(foreign_));
}

}  // namespace valise::bench
