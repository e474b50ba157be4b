#include "scram.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <fstream>

namespace valise::bench {

namespace {

// The value of "x=…" in a comma-separated SCRAM message (RFC 5802 §5.1).
std::string_view field(std::string_view message, char name) noexcept {
  while (!message.empty()) {
    const auto comma = message.find(',');
    const auto part = message.substr(0, comma);
    if (part.size() >= 2 && part[0] == name && part[1] == '=') return part.substr(2);
    if (comma == std::string_view::npos) break;
    message.remove_prefix(comma + 1);
  }
  return {};
}

}  // namespace

const std::string& SaltedPasswords::get(crypto::Hash hash, const std::string& user, const std::string& password,
                                        const std::string& salt, unsigned iterations) {
  auto& entry =
      entries_[fmt::format("{} {} {} {}", user, static_cast<int>(hash), crypto::hex_encode(salt), iterations)];
  if (entry.empty()) {
    entry = crypto::pbkdf2(hash, password, salt, iterations);
    ++computed_;
  }
  return entry;
}

void SaltedPasswords::load(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const auto space = line.rfind(' ');
    if (space == std::string::npos) continue;
    if (auto value = crypto::hex_decode(line.substr(space + 1))) entries_[line.substr(0, space)] = *value;
  }
}

void SaltedPasswords::save(const std::string& path) const {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  std::FILE* file = fdopen(fd, "w");
  for (const auto& [key, value] : entries_) fmt::print(file, "{} {}\n", key, crypto::hex_encode(value));
  std::fclose(file);
}

ScramClient::ScramClient(crypto::Hash hash, std::string user, std::string password, SaltedPasswords& cache)
    : hash_(hash),
      user_(std::move(user)),
      password_(std::move(password)),
      cache_(cache),
      nonce_(crypto::random_hex(12)),
      first_bare_("n=" + user_ + ",r=" + nonce_) {}

Result<std::string> ScramClient::final(std::string_view server_first) {
  const auto nonce = field(server_first, 'r');
  const auto salt = crypto::base64_decode(field(server_first, 's'));
  const auto count = field(server_first, 'i');
  unsigned iterations = 0;
  std::from_chars(count.data(), count.data() + count.size(), iterations);
  if (!nonce.starts_with(nonce_) || !salt || iterations == 0) return fail(ErrorCode::invalid, "SCRAM: bad challenge");

  const auto& salted = cache_.get(hash_, user_, password_, *salt, iterations);
  const auto client_key = crypto::hmac(hash_, salted, "Client Key");
  const auto without_proof = fmt::format("c=biws,r={}", nonce);
  const auto auth_message = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
  auto proof = crypto::hmac(hash_, crypto::digest(hash_, client_key), auth_message);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
  server_signature_ = crypto::hmac(hash_, crypto::hmac(hash_, salted, "Server Key"), auth_message);
  return without_proof + ",p=" + crypto::base64_encode(proof);
}

bool ScramClient::verify(std::string_view server_final) const {
  const auto signature = crypto::base64_decode(field(server_final, 'v'));
  return signature && *signature == server_signature_;
}

}  // namespace valise::bench
