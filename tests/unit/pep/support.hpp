// Elements and recorded publications for the tests of modules/pep.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/namespaces.hpp"
#include "xml/document.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep::testing {

// Keeps the document of an element alive.
class Xml {
 public:
  explicit Xml(std::string_view text) : document_(xml::parse_element(text)) {}
  [[nodiscard]] xml::Element root() const { return document_ ? document_->root() : xml::Element(); }
  operator xml::Element() const { return root(); }

 private:
  xml::DocumentPtr document_;
};

struct Recorded {
  std::string file;
  std::string node;
  std::string item_id;
  std::string payload;
};

// Every publication that real clients were recorded to send. A recording is a list of stanzas inside one element.
inline std::vector<Recorded> recorded_publications() {
  std::vector<Recorded> out;
  const std::filesystem::path folder = std::filesystem::path(VALISE_SOURCE_DIR) / "tests/corpus/stanzas";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".xml") continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto document = xml::parse_element(text.str());
    if (!document) continue;
    for (const auto stanza : document->root().children()) {
      const auto publish = stanza.child("pubsub", core::ns::pubsub).child("publish", core::ns::pubsub);
      const auto item = publish.child("item", core::ns::pubsub);
      if (!item) continue;
      std::string payload;
      xml::append_tree(payload, item.first_element(), {});
      out.push_back({entry.path().filename().string(), std::string(publish.attribute_or_empty("node")),
                     std::string(item.attribute_or_empty("id")), std::move(payload)});
    }
  }
  return out;
}

// A whole one (X.509), with a key of its own.
inline std::string certificate() {
  auto* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  auto* made = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(made), 0);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, key);
  X509_sign(made, key, nullptr);
  unsigned char* bytes = nullptr;
  const auto size = i2d_X509(made, &bytes);
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  X509_free(made);
  EVP_PKEY_free(key);
  return out;
}

}  // namespace valise::modules::pep::testing
