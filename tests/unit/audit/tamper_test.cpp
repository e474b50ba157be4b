// Every kind of tampering with a log that was closed is found, named and placed.
#include <gtest/gtest.h>

#include <algorithm>

#include "support.hpp"

namespace valise::core::audit {
namespace {

// Eleven entries in batches of three (the last of two), in segments 0 … 5 and 6 … 10.
class TamperedLog : public ::testing::Test {
 protected:
  void SetUp() override {
    auto log = open_log(folder.log(), 4);
    for (std::uint64_t i = 0; i < 9; i += 3) ASSERT_TRUE(append_batch(*log, i, 3));
    ASSERT_TRUE(append_batch(*log, 9, 2));
    log.reset();
    for (const std::uint64_t first : {0, 6}) {
      names.push_back(records_name(first));
      names.push_back(leaves_name(first));
    }
    names.push_back("head");
    for (const auto& name : names) originals.push_back(read_bytes(folder.file(name)));
    ASSERT_TRUE(verify(folder.log())->ok());
  }

  [[nodiscard]] Verification after(const std::string& name, const std::string& bytes) const {
    write_bytes(folder.file(name), bytes);
    const auto result = verify(folder.log());
    write_bytes(folder.file(name), original(name));
    return *result;
  }
  [[nodiscard]] std::string original(const std::string& name) const {
    return originals[static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  }
  static void expect_bad(const Verification& result, std::uint64_t seq, std::string_view reason) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.bad->seq, seq) << result.bad->reason;
    EXPECT_NE(result.bad->reason.find(reason), std::string::npos) << result.bad->reason;
  }

  TemporaryFolder folder;
  std::vector<std::string> names;
  std::vector<std::string> originals;
};

TEST_F(TamperedLog, AFlippedBitInAnyByteOfAnyFileIsFound) {
  for (std::size_t file = 0; file < names.size(); ++file) {
    for (std::size_t at = 0; at < originals[file].size(); ++at) {
      auto bytes = originals[file];
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      ASSERT_FALSE(after(names[file], bytes).ok()) << names[file] << " byte " << at;
    }
  }
}

TEST_F(TamperedLog, ACutAtAnyByteOfAnyFileIsFound) {
  for (std::size_t file = 0; file < names.size(); ++file) {
    for (std::size_t length = 0; length < originals[file].size(); ++length) {
      ASSERT_FALSE(after(names[file], originals[file].substr(0, length)).ok()) << names[file] << " at " << length;
    }
  }
}

TEST_F(TamperedLog, AFlipIsPlacedAtItsEntry) {
  const auto offsets = frame_offsets(original(names[0]));
  for (std::uint64_t entry = 0; entry < 6; ++entry) {
    auto records = original(names[0]);
    records[offsets[entry] + frame_header_size + 7] ^= 1;
    expect_bad(after(names[0], records), entry, "does not match its check value");
    auto leaves = original(names[1]);
    leaves[file_header_size + entry * leaf_entry_size + 30] ^= 1;
    expect_bad(after(names[1], leaves), entry, "the leaf of entry");
    auto chain = original(names[1]);
    chain[file_header_size + entry * leaf_entry_size + leaf_size] ^= 1;
    expect_bad(after(names[1], chain), entry, "the chain value of entry");
  }
}

TEST_F(TamperedLog, ADroppedRecordIsFound) {
  const auto offsets = frame_offsets(original(names[0]));
  for (std::uint64_t entry = 0; entry < 5; ++entry) {
    auto bytes = original(names[0]);
    bytes.erase(offsets[entry], offsets[entry + 1] - offsets[entry]);
    expect_bad(after(names[0], bytes), entry,
               "is missing: entry " + std::to_string(entry + 1) + " stands in its place");
  }
  auto last = original(names[0]);
  last.resize(offsets[5]);
  expect_bad(after(names[0], last), 5, "is missing from the records; its leaf is there");
}

TEST_F(TamperedLog, ARepeatedRecordIsFound) {
  const auto offsets = frame_offsets(original(names[0]));
  auto bytes = original(names[0]);
  bytes.insert(offsets[3], bytes.substr(offsets[2], offsets[3] - offsets[2]));
  expect_bad(after(names[0], bytes), 3, "entry 2 is repeated");
}

TEST_F(TamperedLog, ReorderedRecordsAreFound) {
  const auto offsets = frame_offsets(original(names[0]));
  auto bytes = original(names[0]);
  std::rotate(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[1]),
              bytes.begin() + static_cast<std::ptrdiff_t>(offsets[2]),
              bytes.begin() + static_cast<std::ptrdiff_t>(offsets[3]));
  expect_bad(after(names[0], bytes), 1, "entry 2 stands in its place");
}

TEST_F(TamperedLog, DroppedRepeatedAndReorderedLeavesAreFound) {
  const auto at = [](std::size_t entry) { return file_header_size + entry * leaf_entry_size; };
  auto dropped = original(names[1]);
  dropped.erase(at(2), leaf_entry_size);
  EXPECT_EQ(after(names[1], dropped).bad->seq, 2u);
  auto repeated = original(names[1]);
  repeated.insert(at(3), repeated.substr(at(2), leaf_entry_size));
  EXPECT_EQ(after(names[1], repeated).bad->seq, 3u);
  auto reordered = original(names[1]);
  std::swap_ranges(reordered.begin() + static_cast<std::ptrdiff_t>(at(2)),
                   reordered.begin() + static_cast<std::ptrdiff_t>(at(3)),
                   reordered.begin() + static_cast<std::ptrdiff_t>(at(3)));
  EXPECT_EQ(after(names[1], reordered).bad->seq, 2u);
}

TEST_F(TamperedLog, EntriesCutOffBelowTheHeadAreFoundWithTheirLeaves) {
  const auto offsets = frame_offsets(original(names[2]));
  write_bytes(folder.file(names[3]), original(names[3]).substr(0, file_header_size + 3 * leaf_entry_size));
  expect_bad(after(names[2], original(names[2]).substr(0, offsets[3])), 9, "the head covers 11 entries");
}

TEST_F(TamperedLog, AMissingSegmentIsFound) {
  std::filesystem::remove(folder.file(names[0]));
  expect_bad(*verify(folder.log()), 0, "begins with entry 6");
  write_bytes(folder.file(names[0]), original(names[0]));
  std::filesystem::remove(folder.file(names[2]));
  expect_bad(*verify(folder.log()), 6, "the log ends before entry 6");
}

TEST_F(TamperedLog, AMissingHeadIsFound) {
  std::filesystem::remove(folder.file("head"));
  expect_bad(*verify(folder.log()), 0, "the head is missing");
}

TEST_F(TamperedLog, AForgedRecordWithItsLeafAndAllThatFollowsStillMissesTheHead) {
  // Everything of the last segment made again from a changed record: only the head remembers.
  auto log = open_log(folder.path("forged"), 4);
  for (std::uint64_t i = 0; i < 9; i += 3) ASSERT_TRUE(append_batch(*log, i, 3));
  ASSERT_TRUE(append_batch(*log, 9, 2));
  log.reset();
  for (const auto& name : names) {
    if (name != "head") write_bytes(folder.file(name), read_bytes(folder.path("forged") + "/" + name));
  }
  const auto result = *verify(folder.log());
  expect_bad(result, 10, "is not the one that the head was made of");
  EXPECT_EQ(result.entries, 10u);  // it is none of the good ones
}

TEST_F(TamperedLog, AnErasedRecordKeepsItsPlaceInTheChainButIsFound) {
  auto bytes = original(names[2]);
  const auto offsets = frame_offsets(bytes);
  for (const std::size_t entry : {0, 4}) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[entry] + frame_header_size - nonce_size),
              bytes.begin() + static_cast<std::ptrdiff_t>(offsets[entry + 1]), '\0');
  }
  write_bytes(folder.file(names[2]), bytes);
  const auto result = verify(folder.log());
  expect_bad(*result, 6, "the record of entry 6 is erased, and of 2 in all");
  EXPECT_EQ(result->entries, 11u);  // the proofs of all others hold
  EXPECT_NE(lines_of(folder.log()).find("{\"seq\":6,\"time\":\"2026-09-21T14:13:20.000000006Z\",\"erased\":true}\n"),
            std::string::npos);
  {
    const auto log = open_log(folder.log(), 100);
    ASSERT_TRUE(append_batch(*log, 11));
  }
  EXPECT_EQ(verify(folder.log())->entries, 12u);
}

TEST_F(TamperedLog, ALogThatWasCutWithItsHeadIsFoundByAnEarlierNote) {
  const auto whole = *verify(folder.log());
  const auto note = parse_note(note_text({whole.entries, whole.chain}));
  ASSERT_TRUE(note);
  EXPECT_TRUE(verify(folder.log(), note)->ok());
  // The same entries up to the ninth, made anew with everything that belongs to them: sound by itself.
  auto log = open_log(folder.path("cut"), 4);
  for (std::uint64_t i = 0; i < 9; i += 3) ASSERT_TRUE(append_batch(*log, i, 3));
  log.reset();
  EXPECT_TRUE(verify(folder.path("cut"))->ok());
  expect_bad(*verify(folder.path("cut"), note), 9, "the log ends before entry 9; 11 entries were noted");
  // And grown again to the same length: other nonces, another chain.
  log = open_log(folder.path("cut"), 4);
  ASSERT_TRUE(append_batch(*log, 9, 2));
  log.reset();
  EXPECT_TRUE(verify(folder.path("cut"))->ok());
  const auto rewritten = *verify(folder.path("cut"), note);
  expect_bad(rewritten, 10, "the log was rewritten");
  EXPECT_TRUE(rewritten.bad->only_not_noted);
}

TEST_F(TamperedLog, DamageIsToldBeforeANoteThatDoesNotMatch) {
  const Note wrong{.size = 4, .chain = {1, 2, 3}};
  const auto sound = *verify(folder.log(), wrong);
  expect_bad(sound, 3, "up to entry 3");
  EXPECT_TRUE(sound.bad->only_not_noted);
  EXPECT_EQ(sound.entries, 11u);  // read to its end: "consistent in itself" is true
  auto records = original(names[2]);
  records[frame_offsets(records)[2] + frame_header_size + 7] ^= 1;
  write_bytes(folder.file(names[2]), records);
  const auto damaged = *verify(folder.log(), wrong);
  expect_bad(damaged, 8, "does not match its check value");
  EXPECT_FALSE(damaged.bad->only_not_noted);
}

TEST(AuditNote, IsASizeAndAChain) {
  const Note note{.size = 12, .chain = {1, 2, 3}};
  const auto text = note_text(note);
  ASSERT_TRUE(parse_note(text));
  EXPECT_EQ(parse_note(text)->size, 12u);
  EXPECT_EQ(parse_note(text)->chain, note.chain);
  for (const auto& wrong : std::vector<std::string>{"", "12", "12:", ":" + text.substr(3), "x" + text, text + "0",
                                                    text.substr(0, text.size() - 1), "-" + text}) {
    EXPECT_FALSE(parse_note(wrong)) << wrong;
  }
}

TEST(AuditVerify, AFolderWithoutALogIsNoSoundLog) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path("empty"));
  const auto result = verify(folder.path("empty"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::not_found);
}

TEST_F(TamperedLog, AnErasedRecordWhoseLeafIsGoneIsFound) {
  auto bytes = original(names[2]);
  const auto offsets = frame_offsets(bytes);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[4] + frame_header_size - nonce_size), bytes.end(),
            '\0');
  write_bytes(folder.file(names[3]), original(names[3]).substr(0, file_header_size + 4 * leaf_entry_size));
  expect_bad(after(names[2], bytes), 10, "is erased and its leaf is missing");
}

TEST_F(TamperedLog, AHalfErasedRecordIsFound) {
  auto bytes = original(names[2]);
  const auto offsets = frame_offsets(bytes);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(offsets[1] + frame_header_size - nonce_size),
            bytes.begin() + static_cast<std::ptrdiff_t>(offsets[1] + frame_header_size), '\0');
  expect_bad(after(names[2], bytes), 7, "does not match its check value");
}

TEST_F(TamperedLog, IsNotOpenedForWriting) {
  for (const std::size_t file : {2, 3, 4}) {
    auto bytes = originals[file];
    bytes[bytes.size() - 10] ^= 1;
    write_bytes(folder.file(names[file]), bytes);
    const auto log = Log::open({.folder = folder.log()});
    ASSERT_FALSE(log) << names[file];
    EXPECT_EQ(log.error().code, ErrorCode::corrupt);
    write_bytes(folder.file(names[file]), originals[file]);
  }
  EXPECT_TRUE(Log::open({.folder = folder.log()}));
}

}  // namespace
}  // namespace valise::core::audit
