// archive: pages of 50 of one account's archive (XEP-0313), which is there already: at any place of it, and of the
// conversation with one of ten people. One query at a time; its latency ends with its <fin/>.
#include <fmt/format.h>

#include <algorithm>

#include "base/clock.hpp"
#include "omemo_message.hpp"
#include "scenarios.hpp"

namespace valise::bench {

namespace {

constexpr std::size_t page = 50;
constexpr std::size_t people = 10;

class Questions {
 public:
  Questions(Stage& stage, Client& client) : stage_(stage), client_(client) {
    client.on_stanza = [this](Client&, std::string_view element) {
      if (element_name(element) != "message" || element.find("<result") == std::string_view::npos) return;
      ++results_;
      stamp_ = stamp_of(element);
    };
    client.on_answer = [this](Client&, std::string_view element) {
      answered_ = true;
      if (attribute(element, "type") == "result") return;
      unknown_ = element.find("<service-unavailable") != std::string_view::npos ||
                 element.find("<feature-not-implemented") != std::string_view::npos;
      if (!unknown_) stage_.town.failure("query refused: " + std::string(element.substr(0, 300)));
    };
  }

  // False: no answer, or an error.
  bool ask(std::string_view fields, std::string_view set) {
    results_ = 0;
    answered_ = false;
    client_.request(
        "set", fmt::format("<query xmlns='urn:xmpp:mam:2' queryid='q'><x xmlns='jabber:x:data' type='submit'><field "
                           "var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>{}</x>"
                           "<set xmlns='http://jabber.org/protocol/rsm'>{}</set></query>",
                           fields, set));
    const bool done =
        stage_.town.loop.run(now_ns() + 60 * second_ns, [&] { return answered_ || stage_.town.failed > 0; });
    if (!done) stage_.town.failure("a query was not answered in a minute");
    return answered_ && !unknown_ && stage_.town.failed == 0;
  }

  [[nodiscard]] bool unknown() const noexcept { return unknown_; }
  [[nodiscard]] std::size_t results() const noexcept { return results_; }
  [[nodiscard]] std::int64_t stamp_us() const noexcept { return stamp_; }  // of the last result

 private:
  static std::int64_t stamp_of(std::string_view message) {
    const auto delay = message.find("<delay");
    if (delay == std::string_view::npos) return 0;
    return parse_utc(attribute(message.substr(delay), "stamp")).value_or(0);
  }

  Stage& stage_;
  Client& client_;
  std::size_t results_ = 0;
  std::int64_t stamp_ = 0;
  bool answered_ = false, unknown_ = false;
};

struct Span {
  std::int64_t oldest_us = 0, newest_us = 0;
};

double at(const std::vector<Nanos>& sorted, double share) {
  return static_cast<double>(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))]) / 1e6;
}

// Reports NAME_p50_ms, NAME_p99_ms, NAME_cpu_ms.
bool measure(Stage& stage, Questions& questions, const Span& span, const char* name, bool with_one) {
  FastRandom random;
  const auto& options = stage.options;
  std::vector<Nanos> latencies;
  Sample begin;
  constexpr std::size_t warm_up = 10;
  for (std::size_t i = 0; i < options.queries + warm_up; ++i) {
    if (i == warm_up) begin = stage.meter.sample();
    // Not so near to the end that a page would not be full.
    const auto reach = static_cast<std::uint64_t>(span.newest_us - span.oldest_us) / 100 * 99;
    const auto start = span.oldest_us + static_cast<std::int64_t>(random.next() % std::max<std::uint64_t>(reach, 1));
    auto fields = fmt::format("<field var='start'><value>{}</value></field>", format_utc(start * 1000));
    if (with_one) {
      fields += fmt::format("<field var='with'><value>{}@{}</value></field>",
                            options.account(1 + random.next() % people).user, options.client.domain);
    }
    const auto asked = now_ns();
    if (!questions.ask(fields, fmt::format("<max>{}</max>", page))) return false;
    if (i >= warm_up) latencies.push_back(now_ns() - asked);
    if (questions.results() == page) continue;
    stage.town.failure(fmt::format("a page of {} has {} messages", page, questions.results()));
    return false;
  }
  const auto cost = between(begin, stage.meter.sample());
  std::ranges::sort(latencies);
  stage.report.set(fmt::format("{}_p50_ms", name), at(latencies, 0.5));
  stage.report.set(fmt::format("{}_p99_ms", name), at(latencies, 0.99));
  stage.report.set(fmt::format("{}_cpu_ms", name), cost.server * 1e3 / static_cast<double>(options.queries));
  stage.report.set("generator_cores", cost.generator_cores());
  stage.report.set("others_cores", cost.seconds > 0 ? cost.others / cost.seconds : 0);
  return true;
}

bool ask_all(Stage& stage, Questions& questions) {
  Span span;
  if (!questions.ask({}, "<max>1</max>")) return questions.unknown();
  span.oldest_us = questions.stamp_us();
  if (!questions.ask({}, "<max>1</max><before/>")) return false;
  span.newest_us = questions.stamp_us();
  if (questions.results() != 1 || span.newest_us <= span.oldest_us) {
    stage.town.failure("the archive is empty");
    return false;
  }
  return measure(stage, questions, span, "page", false) && measure(stage, questions, span, "page_with", true);
}

}  // namespace

bool run_archive(Stage& stage) {
  if (stage.options.queries < 1) {
    stage.town.failure("no queries");
    return false;
  }
  const auto client = stage.town.client(stage.options.account(stage.options.hub));
  if (!dial(stage.town, {client.get()}, Goal::available, 1, 60 * second_ns)) return false;
  Questions questions(stage, *client);
  const bool good = ask_all(stage, questions);
  if (questions.unknown()) stage.report.set("not_offered", std::string("XEP-0313"));
  hang_up(stage.town, {client.get()});
  return good && stage.town.failed == 0;
}

}  // namespace valise::bench
