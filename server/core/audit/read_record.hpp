// Reads an encoded record (record.hpp) again: for tools that go over a whole log. Half a microsecond each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace valise::core::audit {

// Its members by their names; empty or 0: not there. Views look into the encoded record or the reader, until its next
// read.
struct RecordView {
  std::string_view kind, from, resource, session, source, tls, mechanism, to, stanza, type, encryption, verdict, reason,
      rule;
  std::uint64_t size = 0, device = 0, keys = 0;
  bool cut = false;  // some member is not whole
};

class RecordReader {
 public:
  // False: nothing that append_json writes (out is then unspecified). Members that it does not know are passed over.
  // Any bytes may be given; linear in them.
  [[nodiscard]] bool read(std::string_view json, RecordView& out);

 private:
  [[nodiscard]] bool read_text(std::string_view& json, std::string_view& out);
  [[nodiscard]] bool append_escape(std::string_view& json);
  std::string unescaped_;  // of this record; never grows while views look into it
};

}  // namespace valise::core::audit
