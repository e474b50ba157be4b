// A client's two SCRAM messages, a PLAIN message and a token's from hostile bytes. Whatever comes, an exchange ends in
// a challenge that fits the grammar or in a refusal, and nobody gets in who has no password.
#include "core/auth/plain.hpp"
#include "core/auth/scram.hpp"
#include "core/auth/scram_message.hpp"
#include "core/auth/token.hpp"
#include "fuzz/check.hpp"

using namespace valise::core::auth;
using fuzz::check;
namespace storage = valise::storage;

namespace {

const FakeKeys& fake() {
  static const FakeKeys keys(std::string(32, 'f'), 4'096);
  return keys;
}

// Input: a byte of switches, client-first, a new line, client-final. '$' in client-final stands for the nonce that the
// server added, so that mutations get past its check.
void exchange(unsigned switches, std::string_view first, std::string_view final_template) {
  const auto all = mechanisms().subspan(1);  // without EXTERNAL, which has no key
  const auto& mechanism = all[switches % all.size()];
  if (mechanism.kind != Mechanism::Kind::scram) return;
  static const auto key = derive_key(valise::crypto::Hash::sha256, "pencil", "0123456789abcdef", 4'096);
  ScramExchange scram({.mechanism = &mechanism,
                       .host = "example.com",
                       .bindings = {{"tls-exporter", "bytes"}},
                       .plus_offered = (switches & 0x40) != 0,
                       .nonce_for_test = "server"});
  const auto account = scram.client_first(first);
  if (!account) {
    check(!scram.server_first({}, fake()));
    return;
  }
  check(account->is_bare() && account->has_local() && account->domain() == "example.com");
  const auto challenge =
      (switches & 0x80) != 0 ? scram.server_first({&key, 1}, fake()) : scram.server_first({}, fake());
  check(challenge && challenge->starts_with("r=") && challenge->find('\0') == std::string::npos);
  std::string final;
  for (const char c : final_template) c == '$' ? final += "server" : final += c;
  check(!scram.client_final(final));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.empty()) return 0;
  const auto rest = text.substr(1);
  const auto line = rest.find('\n');
  exchange(data[0], rest.substr(0, line), line == std::string_view::npos ? std::string_view() : rest.substr(line + 1));
  if (const auto first = parse_client_first(rest)) {
    check(std::string(first->gs2_header) + std::string(first->bare) == rest);
    check(!first->username.empty() && !first->nonce.empty());
  }
  if (const auto login = parse_plain(rest, "example.com")) check(login->account.domain() == "example.com");
  if (const auto login = parse_token_message(rest, "example.com")) {
    check(login->account.domain() == "example.com" && login->proof.size() == 32);
  }
  return 0;
}
