// Fills a store that no server has open with archived messages, through the store's own writer: what chatting for them
// would leave, a thousand a transaction. A message a second from BEGIN_MS (UTC) on; the numbers FROM … TO-1 of that row
// are written, so that a second call continues it. Each is between account HUB and another: half of them one of
// ten, the others anybody; both archives have it.
//   fill-archive sqlite PATH PREFIX ACCOUNTS HUB BEGIN_MS FROM TO
//   fill-archive mariadb SOCKET,DATABASE PREFIX ACCOUNTS HUB BEGIN_MS FROM TO
#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "omemo_message.hpp"
#include "storage/store.hpp"

namespace {

using namespace valise;
using namespace valise::bench;

constexpr std::size_t batch = 1000;
constexpr std::uint64_t friends = 10;

struct Row {
  std::string prefix;
  std::uint64_t accounts = 0, hub = 0, begin_ms = 0, from = 0, to = 0;
};

[[noreturn]] void give_up(std::string_view why) {
  fmt::print(stderr, "fill-archive: {}\n", why);
  std::exit(1);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, value).ptr != end || text.empty()) give_up(fmt::format("no number: {}", text));
  return value;
}

storage::WriteSet message(const Row& row, std::uint64_t index, FastRandom& random) {
  auto other = 1 + random.next() % (index % 2 == 0 ? friends : row.accounts);
  if (other == row.hub) other = 1;
  const auto hub = fmt::format("{}{}", row.prefix, row.hub), peer = fmt::format("{}{}", row.prefix, other);
  const bool out = random.next() % 2 == 0;
  const auto &from = out ? hub : peer, &to = out ? peer : hub;
  const auto from_jid = from + "@localhost", to_jid = to + "@localhost";

  const auto ms = row.begin_ms + index * 1000;
  MessageMaker maker(from, to, to_jid, random);
  const Stamp stamp{.flow = static_cast<std::uint32_t>(other), .sequence = static_cast<std::uint32_t>(index)};
  constexpr std::string_view begin = "<message";
  storage::BoxMessage stored;
  stored.from = from_jid + "/phone";
  stored.to = to_jid;
  stored.stanza = fmt::format("<message from=\"{}\"{}", stored.from, maker.make(stamp).substr(begin.size()));
  const auto id = stored.stanza.find(" id=\"") + 5;
  stored.stanza_id = stored.stanza.substr(id, stored.stanza.find('"', id) - id);
  stored.digest.resize(16);
  random.fill(reinterpret_cast<unsigned char*>(stored.digest.data()), stored.digest.size());
  using storage::Direction;
  return {.id = IdGenerator::first_of(static_cast<std::int64_t>(ms)),
          .writes = {storage::PutMessage{
              std::move(stored), {{to_jid, from_jid, Direction::in, true}, {from_jid, to_jid, Direction::out, true}}}}};
}

Result<> fill(storage::Store& store, const Row& row) {
  if (auto done = store.claim(); !done) return done;
  if (auto done = store.migrate(); !done) return done;
  auto writer = store.open_writer();
  if (!writer) return std::unexpected(writer.error());
  FastRandom random;
  std::vector<storage::WriteSet> sets;
  std::vector<const storage::WriteSet*> pointers;
  for (auto index = row.from; index < row.to;) {
    sets.clear();
    pointers.clear();
    while (index < row.to && sets.size() < batch) sets.push_back(message(row, index++, random));
    for (const auto& set : sets) pointers.push_back(&set);
    if (auto done = (*writer)->commit(pointers); !done) return done;
  }
  return {};
}

Result<std::unique_ptr<storage::Store>> open(std::string_view kind, std::string_view place) {
  if (kind == "sqlite") return storage::open_sqlite({.path = std::string(place)});
  const auto comma = place.find(',');
  if (kind != "mariadb" || comma == std::string_view::npos) give_up("sqlite PATH or mariadb SOCKET,DATABASE");
  storage::MariadbOptions options;
  options.unix_socket = place.substr(0, comma);
  options.user = "root";
  options.database = place.substr(comma + 1);
  return storage::open_mariadb(std::move(options));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) give_up("eight arguments, see fill_archive.cpp");
  const Row row{.prefix = argv[3],
                .accounts = number(argv[4]),
                .hub = number(argv[5]),
                .begin_ms = number(argv[6]),
                .from = number(argv[7]),
                .to = number(argv[8])};
  if (row.accounts == 0) give_up("no accounts");
  auto store = open(argv[1], argv[2]);
  if (!store) give_up(store.error().text);
  if (auto done = fill(**store, row); !done) give_up(done.error().text);
  return 0;
}
