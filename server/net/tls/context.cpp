#include "net/tls/context.hpp"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/tls1.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "net/tls/context_data.hpp"

namespace valise::net {
namespace {

// ANSSI SDE-NT-35, R8 to R12: AEAD with ephemeral keys only; the server's order decides.
constexpr const char* suites13 = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* suites12 =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr const char* signatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";

constexpr int security_level = 2;             // OpenSSL's: 112 bits
constexpr long max_client_chain = 32 * 1024;  // bytes of all certificates that a client sends
constexpr int max_client_depth = 6;           // intermediates

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower_case(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

void free_data(void*, void* data, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<ContextData*>(data); }

int data_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_data);
  return index;
}

int alpn_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// RFC 6066 §3: one host_name in the server_name extension, or nothing.
std::string_view sni_of(SSL* ssl) {
  const unsigned char* bytes = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1) return {};
  const std::string_view extension(reinterpret_cast<const char*>(bytes), size);
  const auto number = [&](std::size_t at) {
    return static_cast<std::size_t>(bytes[at]) << 8 | static_cast<std::size_t>(bytes[at + 1]);
  };
  if (size < 5 || number(0) != size - 2) return {};
  if (bytes[2] != TLSEXT_NAMETYPE_host_name || number(3) > size - 5) return {};
  return extension.substr(5, number(3));
}

// A certificate says who somebody is only in the handshake that proved it, and only until it is revoked: where one is
// asked for, no session is resumed (RFC 5077 §5.8 leaves that to the server).
void ask_client(SSL* ssl) {
  const auto& data = *data_of(SSL_get_SSL_CTX(ssl));
  if (!data.asks_clients) return;
  SSL_set_verify(ssl, SSL_VERIFY_PEER | (data.requires_clients ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_set_verify_depth(ssl, max_client_depth);
  SSL_set_options(ssl, SSL_OP_NO_TICKET);
  SSL_set_num_tickets(ssl, 0);
}

// Where a certificate is welcome and not required, a bad one only is worth nothing: client_names() gives none.
int on_client_chain(X509_STORE_CTX* chain, void*) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const bool valid = verify_client_chain(chain);
  return valid || !data_of(SSL_get_SSL_CTX(ssl))->requires_clients ? 1 : 0;
}

// The host is chosen here and not in the server_name callback, which OpenSSL calls after it has looked at tickets: with
// the host's own session id context in place, a ticket of one host does not resume at another.
int on_client_hello(SSL* ssl, int*, void*) {
  const auto name = sni_of(ssl);
  const auto& data = *data_of(SSL_get_SSL_CTX(ssl));
  auto* wanted = static_cast<SSL_CTX*>(SSL_get_app_data(ssl));  // the stream's host, where it is known
  if (!name.empty() && name.size() <= TLSEXT_MAXLEN_host_name) {
    const auto lower = lower_case(name);
    const auto found = data.others.find(lower);
    if (found != data.others.end()) {
      wanted = found->second.get();
    } else if (lower == data.host) {
      wanted = nullptr;
    }
  }
  if (wanted != nullptr) SSL_set_SSL_CTX(ssl, wanted);
  ask_client(ssl);
  return SSL_CLIENT_HELLO_SUCCESS;
}

// RFC 7301 §3.2: a client that names protocols and none of ours is at the wrong door (ALPACA).
int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
            void*) {
  const auto* own = static_cast<const std::string*>(SSL_get_ex_data(ssl, alpn_index()));
  const auto& ours = own == nullptr ? data_of(SSL_get_SSL_CTX(ssl))->alpn : *own;
  unsigned char* selected = nullptr;
  if (ours.empty() ||
      SSL_select_next_proto(&selected, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), in, in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// RFC 6120 §5.3.5: who wants to negotiate anew is cut off; SSL_OP_NO_RENEGOTIATION alone only warns him.
void on_alert(const SSL* ssl, int where, int alert) {
  constexpr int no_renegotiation = SSL3_AL_WARNING << 8 | SSL_AD_NO_RENEGOTIATION;
  if (where != SSL_CB_WRITE_ALERT || alert != no_renegotiation) return;
  SSL_set_shutdown(const_cast<SSL*>(ssl), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypt) {
  return data_of(SSL_get_SSL_CTX(ssl))->tickets->prepare(name, iv, cipher, mac, encrypt == 1);
}

void set_memory_profile(SSL_CTX* context) {
  // Buffers only while bytes move: an idle connection owns none, and holds 14.0 KiB (tests/unit/tls/memory_test.cpp).
  // Read-ahead saves a system call per record and is free of charge with released buffers; unread records are seen
  // by SSL_has_pending only, not by SSL_pending.
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

bool set_profile(SSL_CTX* context, const TlsSettings& settings, const TicketKeys& tickets) {
  SSL_CTX_set_security_level(context, security_level);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_clear_options(context, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT);
  SSL_CTX_set_info_callback(context, on_alert);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_max_cert_list(context, max_client_chain);
  SSL_CTX_set_max_early_data(context, 0);
  SSL_CTX_set_recv_max_early_data(context, 0);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, static_cast<long>(tickets.interval_ms() / 1'000));
  return SSL_CTX_set_min_proto_version(context, settings.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_ciphersuites(context, suites13) == 1 && SSL_CTX_set_cipher_list(context, suites12) == 1 &&
         SSL_CTX_set1_groups_list(context, groups) == 1 && SSL_CTX_set1_sigalgs_list(context, signatures) == 1;
}

bool set_host(SSL_CTX* context, const TlsSettings& settings, const std::string& host,
              std::shared_ptr<TicketKeys> tickets) {
  auto data = std::make_unique<ContextData>(ContextData{.host = host, .tickets = std::move(tickets)});
  for (const auto& protocol : settings.alpn) {
    data->alpn += static_cast<char>(protocol.size());
    data->alpn += protocol;
  }
  if (SSL_CTX_set_ex_data(context, data_index(), data.get()) != 1) return false;
  (void)data.release();  // the context frees it
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_alpn_select_cb(context, on_alpn, nullptr);
  if (SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) != 1) return false;
  const auto session_context = crypto::digest(crypto::Hash::sha256, "valise tls " + host);
  return SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_context.data()),
                                        static_cast<unsigned>(session_context.size())) == 1;
}

Result<SslContextPtr> make_context(const TlsSettings& settings, const HostCertificate& files, const KeyPair& pair,
                                   std::shared_ptr<TicketKeys> tickets) {
  ERR_clear_error();
  SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(ErrorCode::internal, "no TLS context: " + openssl_error());
  set_memory_profile(context.get());
  if (!set_profile(context.get(), settings, *tickets) ||
      !set_host(context.get(), settings, lower_case(files.host), std::move(tickets))) {
    return fail(ErrorCode::internal, "the TLS profile cannot be set: " + openssl_error());
  }
  if (SSL_CTX_use_certificate(context.get(), pair.certificate.get()) != 1) {
    return fail(ErrorCode::invalid, fmt::format("{}: cannot be used: {}", files.certificate_file, openssl_error()));
  }
  for (const auto& certificate : pair.chain) {
    if (SSL_CTX_add1_chain_cert(context.get(), certificate.get()) != 1) {
      return fail(ErrorCode::invalid,
                  fmt::format("{}: an intermediate cannot be used: {}", files.certificate_file, openssl_error()));
    }
  }
  if (SSL_CTX_use_PrivateKey(context.get(), pair.key.get()) != 1) {
    return fail(ErrorCode::invalid, fmt::format("{}: cannot be used: {}", files.key_file, openssl_error()));
  }
  return context;
}

// The host's own authorities, in `context` alone.
Result<ClientTrust> set_clients(SSL_CTX* context, const HostCertificate& files) {
  auto trust = load_client_trust(files.host, files.clients);
  if (!trust) return trust;
  if (SSL_CTX_set1_verify_cert_store(context, trust->store.get()) != 1) {
    return fail(ErrorCode::internal, "the authorities cannot be set: " + openssl_error());
  }
  SSL_CTX_set_client_CA_list(context, trust->names.release());
  SSL_CTX_set_cert_verify_callback(context, on_client_chain, nullptr);
  auto& data = *data_of(context);
  data.asks_clients = true;
  data.requires_clients = files.clients.required;
  return trust;
}

}  // namespace

ContextData* data_of(const SSL_CTX* context) noexcept {
  return static_cast<ContextData*>(SSL_CTX_get_ex_data(context, data_index()));
}

std::string_view host_of(const SSL_CTX* context) noexcept {
  const auto* data = data_of(context);
  return data == nullptr ? std::string_view() : std::string_view(data->host);
}

Result<Ref<const TlsContexts>> TlsContexts::load(const TlsSettings& settings, std::shared_ptr<TicketKeys> tickets) {
  if (settings.hosts.empty()) return fail(ErrorCode::invalid, "TLS needs the certificate of at least one host");
  for (const auto& protocol : settings.alpn) {
    if (protocol.empty() || protocol.size() > 255) return fail(ErrorCode::invalid, "an ALPN name has 1 to 255 bytes");
  }
  Ref<TlsContexts> out(new TlsContexts());
  for (const auto& files : settings.hosts) {
    auto pair = load_key_pair(files.host, files.certificate_file, files.key_file);
    if (!pair) return std::unexpected(std::move(pair.error()));
    auto context = make_context(settings, files, *pair, tickets);
    if (!context) return std::unexpected(std::move(context.error()));
    out->certificates_.push_back(std::move(pair->info));
    if (!files.clients.ca_file.empty()) {
      auto trust = set_clients(context->get(), files);
      if (!trust) return std::unexpected(std::move(trust.error()));
      for (auto& list : trust->lists) out->lists_.push_back(std::move(list));
      for (const auto& name : trust->without_list) out->without_list_.push_back(files.host + ": " + name);
    }
    if (!out->default_) {
      out->default_ = std::move(*context);
      continue;
    }
    const bool fresh = files.host != settings.hosts.front().host &&
                       data_of(out->default_.get())->others.emplace(lower_case(files.host), std::move(*context)).second;
    if (!fresh) return fail(ErrorCode::conflict, files.host + ": has two certificates");
  }
  return Ref<const TlsContexts>(out);
}

SslPtr TlsContexts::new_session(std::string_view host, Speaks speaks) const {
  SslPtr ssl(SSL_new(default_.get()));
  if (!ssl) return ssl;
  static const std::string http = "\x08http/1.1";  // in the wire's form
  if (speaks == Speaks::http && SSL_set_ex_data(ssl.get(), alpn_index(), const_cast<std::string*>(&http)) != 1) {
    return nullptr;
  }
  SSL_set_accept_state(ssl.get());
  const auto& others = data_of(default_.get())->others;  // live as long as the default context, which `ssl` holds
  if (const auto found = others.find(lower_case(host)); found != others.end()) {
    SSL_set_app_data(ssl.get(), found->second.get());
  }
  return ssl;
}

SSL_CTX* TlsContexts::context_of(std::string_view host) const {
  const auto& data = *data_of(default_.get());
  if (data.host == host) return default_.get();
  const auto found = data.others.find(std::string(host));
  return found == data.others.end() ? nullptr : found->second.get();
}

bool TlsContexts::accepts_client(const SSL* ssl) const {
  auto* certificate = SSL_get0_peer_certificate(ssl);
  auto* context = context_of(host_of(SSL_get_SSL_CTX(ssl)));
  X509_STORE* store = nullptr;
  if (certificate == nullptr || context == nullptr || !data_of(context)->asks_clients ||
      SSL_CTX_get0_verify_cert_store(context, &store) != 1 || store == nullptr) {
    return false;
  }
  const std::unique_ptr<X509_STORE_CTX, OpensslDelete<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
  if (!check || X509_STORE_CTX_init(check.get(), store, certificate, SSL_get_peer_cert_chain(ssl)) != 1 ||
      X509_STORE_CTX_set_default(check.get(), "ssl_client") != 1) {
    ERR_clear_error();
    return false;
  }
  auto* rules = X509_STORE_CTX_get0_param(check.get());
  X509_VERIFY_PARAM_set_auth_level(rules, security_level);
  X509_VERIFY_PARAM_set_depth(rules, max_client_depth);
  return verify_client_chain(check.get());
}

}  // namespace valise::net
