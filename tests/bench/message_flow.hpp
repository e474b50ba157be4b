// Messages from senders to receivers, each one counted: what is lost, doubled, reordered, misrouted or refused is seen.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dialer.hpp"
#include "omemo_message.hpp"

namespace valise::bench {

class MessageFlows {
 public:
  // `window`: messages under way per flow.
  MessageFlows(Town& town, std::size_t window) : town_(town), window_(window) {}

  // Messages of `from` to the bare JID of `receivers.front()` arrive at each of `receivers` (their sessions, and
  // through carbons the sender's other sessions). Takes over their on_stanza; a client receives for one flow only.
  void add(Client& from, const std::vector<Client*>& receivers);

  // Sends one message if the flow's window has room. `due` is the stamp that the latency counts from.
  bool send(std::size_t flow, Nanos due);
  // Flat out: fill all windows, and send the next message whenever one has arrived at its first receiver.
  void start();
  void stop() { flat_out_ = false; }
  // Asks for an acknowledgement of each message from now on (XEP-0198).
  void ask_for_acknowledgements() { asks_ = true; }
  // At `rate` messages a second in turn over the flows; for EventLoop::run's tick. A message that finds its window
  // full is sent later but keeps its stamp, so that a slow server cannot hide its queue (coordinated omission).
  Nanos pace(Nanos now, double rate);

  // Latencies of messages with a stamp from `from` on are kept from now on.
  void measure_from(Nanos from) { measure_from_ = from; }
  std::vector<Nanos>& latencies() noexcept { return latencies_; }

  [[nodiscard]] std::size_t size() const noexcept { return flows_.size(); }
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t arrived() const noexcept { return arrived_; }  // at first receivers
  [[nodiscard]] std::uint64_t copies() const noexcept { return copies_; }    // at all receivers
  [[nodiscard]] std::uint64_t faults() const noexcept { return doubled_ + reordered_ + refused_ + foreign_; }
  [[nodiscard]] std::uint64_t missing() const;
  [[nodiscard]] std::uint64_t unacknowledged() const;  // stanzas of senders that manage their stream
  // Runs the loop until every copy and acknowledgement has arrived, or no copy has for ten seconds.
  void drain();
  void report(class Report& report) const;

 private:
  struct Flow {
    Client* from;
    MessageMaker maker;
    std::size_t receivers = 0;
    std::uint32_t sent = 0;
    std::size_t under_way = 0;
  };
  struct Receiver {
    std::size_t flow;
    bool first;
    std::uint32_t next = 0;           // the sequence number expected
    std::set<std::uint32_t> missing;  // below next
  };

  void handle(Client& client, std::string_view element);
  void count(Receiver& receiver, const Stamp& stamp);

  Town& town_;
  std::size_t window_;
  FastRandom random_;
  std::deque<Flow> flows_;
  std::deque<Receiver> receivers_;
  bool flat_out_ = false, asks_ = false;
  Nanos next_due_ = 0;
  std::size_t next_flow_ = 0;
  std::deque<Nanos> overdue_;  // stamps of messages that found every window full
  Nanos measure_from_ = INT64_MAX;
  std::vector<Nanos> latencies_;
  std::uint64_t sent_ = 0, arrived_ = 0, copies_ = 0, expected_ = 0;
  std::uint64_t doubled_ = 0, reordered_ = 0, refused_ = 0, foreign_ = 0;
};

}  // namespace valise::bench
