#include "main/protocols.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

#include "main/modules.hpp"

namespace valise {
namespace {

using core::Completeness;

struct Row {
  core::Specification specification;
  std::string_view by;
  std::string_view what;
};

// What no module is responsible for.
constexpr Row kernel[] = {
    {{"RFC 4422 appendix A", "2006"}, "kernel", "log-in by EXTERNAL, with a client's certificate"},
    {{"RFC 4616", "2006"}, "kernel", "log-in by PLAIN, where scram.mechanisms names it"},
    {{"RFC 5802", "2010"}, "kernel", "log-in by SCRAM-SHA-1, with channel binding as -PLUS"},
    {{"RFC 5929", "2010"},
     "kernel",
     "channel bindings tls-server-end-point and, on TLS 1.2 with extended master secret, tls-unique"},
    {{"RFC 6120", "2011", Completeness::partial},
     "kernel",
     "client streams: TLS, log-in, resource binding, stanzas and their errors; no streams between servers; rule by "
     "rule in rfc6120.md"},
    {{"RFC 6121 §5", "2011"}, "kernel", "messages"},
    {{"RFC 6121 §8", "2011", Completeness::partial}, "kernel", "who gets a stanza, among the hosts of this server"},
    {{"RFC 6455", "2011"},
     "kernel",
     "WebSocket, on listen.https and behind a proxy; no extensions, nothing is compressed"},
    {{"RFC 7395", "2014"}, "kernel", "client streams over WebSocket"},
    {{"RFC 7590", "2015", Completeness::partial},
     "kernel",
     "TLS is required, nothing is compressed; no streams between servers"},
    {{"RFC 7622", "2015", Completeness::partial}, "kernel", "addresses: its grammar, prepared by RFC 6122's profiles"},
    {{"RFC 7677", "2015"}, "kernel", "log-in by SCRAM-SHA-256, and by SCRAM-SHA-512 in the same way"},
    {{"RFC 9266", "2022"}, "kernel", "channel binding tls-exporter, on TLS 1.3 and on 1.2 with extended master secret"},
    {{"XEP-0124", "1.11.2"}, "kernel", "BOSH; no multiple streams in a session"},
    {{"XEP-0178", "1.2", Completeness::partial},
     "kernel",
     "client certificates with tls.client_certificates; no streams between servers"},
    {{"XEP-0198", "1.6.3"},
     "kernel",
     "what the client sent is acknowledged when it is durable; what it does not acknowledge waits for it, for an hour, "
     "then for another device or the next log-in"},
    {{"XEP-0206", "1.4"}, "kernel", "XMPP over BOSH"},
    {{"XEP-0359", "0.7.0", Completeness::partial},
     "kernel",
     "a stanza-id on every message with a record; those that clients forge are removed"},
    {{"XEP-0368", "1.1.0"}, "kernel", "direct TLS with ALPN, on listen.c2s_tls"},
    {{"XEP-0386", "1.1.0", Completeness::partial},
     "kernel",
     "binding within the log-in, with stream management, carbons, client state and the archive's ends; waiting "
     "messages "
     "are delivered or shown by the archive, not cleared"},
    {{"XEP-0388", "1.0.4"}, "kernel", "log-in in one stream, with all that a client wants inside"},
    {{"XEP-0440", "1.0.0"}, "kernel", "names the channel bindings: tls-exporter, tls-unique, tls-server-end-point"},
    {{"XEP-0474", "0.4.0"}, "kernel", "what was offered is hashed into SCRAM"},
    {{"XEP-0480", "0.2.0"}, "kernel", "a client makes the keys that its account lacks, or stronger ones"},
    {{"XEP-0509", "0.2.0"}, "kernel", "the features have a version, so that a log-in need not wait for them"},
    {{"XEP-0515", "0.1.0"}, "kernel", "SCRAM says the TLS version"},
};

// "RFC 6121 §4" → RFC, 6121, §4: RFCs first, then by number.
std::tuple<std::string_view, unsigned, std::string_view> order(const Row& row) {
  const auto document = row.specification.document;
  unsigned number = 0;
  const auto digits = document.find_first_of("0123456789");
  if (digits != std::string_view::npos) {
    std::from_chars(document.data() + digits, document.data() + document.size(), number);
  }
  return {document.substr(0, 3), number, document};
}

}  // namespace

std::string describe_protocols() {
  std::vector<Row> rows(std::begin(kernel), std::end(kernel));
  for (const auto* manifest : all_modules()) {
    for (const auto& one : manifest->implements) rows.push_back({one, manifest->name, manifest->summary});
  }
  std::ranges::stable_sort(rows, {}, &order);
  std::string out =
      "# Protocols\n\nWhat this server implements, by the kernel and by each module (`modules/<name>`, whose README "
      "says "
      "what a *partial* one\nleaves out). The version is that of the text which was read when it was written.\n\n"
      "| specification | version | completeness | by | what |\n|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    const auto& one = row.specification;
    out += fmt::format("| {} | {} | {} | {} | {} |\n", one.document, one.version,
                       one.completeness == Completeness::partial ? "partial" : "complete", row.by, row.what);
  }
  return out;
}

}  // namespace valise
