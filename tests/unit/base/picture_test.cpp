#include "base/picture.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "../pictures.hpp"

namespace valise {
namespace {
using namespace tests;

const std::string sentence = "The merger is on friday, in the hall behind the mill; burn this letter. ";

std::string letter(std::size_t size) {
  std::string out;
  while (out.size() < size) out += sentence;
  out.resize(size);
  return out;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::filesystem::path folder = std::filesystem::path(VALISE_SOURCE_DIR) / "tests/fuzz/corpus/picture";

std::string png_with(std::string_view before, std::string_view behind = {}) { return png(8, before, behind); }

// An image of these lines, packed by `level`.
std::string png_of(const Png& header, std::string_view lines, int level = 6) {
  return png_signature + header.header() + chunk("IDAT", packed(lines, level)) + chunk("IEND", {});
}

TEST(Picture, ThoseOfEncodersAreWhole) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("true")) continue;
    EXPECT_EQ(whole_picture_type(read(entry.path())), "image/" + entry.path().extension().string().substr(1)) << name;
    ++count;
  }
  EXPECT_GE(count, 8);
}

TEST(Picture, MadeOfTheirPartsTheyAreWhole) {
  EXPECT_EQ(whole_picture_type(png()), "image/png");
  EXPECT_EQ(whole_picture_type(png(300)), "image/png") << "more pixels than are looked at";
  EXPECT_EQ(whole_picture_type(jpeg()), "image/jpeg");
  EXPECT_EQ(whole_picture_type(webp()), "image/webp");
  EXPECT_EQ(whole_picture_type(webp(41)), "image/webp") << "an even chunk, where the other is odd";
  EXPECT_EQ(whole_picture_type(riff(webp_extended() + lossless())), "image/webp");
}

TEST(Picture, TheFirstBytesAreNotEnough) {
  const auto text = letter(200);
  for (const auto& begins : {png_signature, std::string("\xff\xd8\xff\xe0"), "RIFF" + little(204) + "WEBP"}) {
    EXPECT_NE(picture_type(begins + text), "");
    EXPECT_EQ(whole_picture_type(begins + text), "") << begins;
    EXPECT_EQ(whole_picture_type(begins), "") << begins;
  }
  for (const std::string_view none : {"", "GIF89a", "a letter"}) EXPECT_EQ(whole_picture_type(none), "");
}

// Whatever is cut off, put behind or changed: at most another picture, and no crash.
TEST(Picture, NoPartOfOneAndNothingMoreIsAPicture) {
  std::vector<std::string> pictures{png(), jpeg(), webp(), riff(webp_extended() + lossless())};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (auto bytes = read(entry.path()); bytes.size() < 2600) pictures.push_back(std::move(bytes));
  }
  for (const auto& whole : pictures) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(whole_picture_type(std::string_view(whole).substr(0, size)), "") << size << " of " << whole.size();
    }
    for (const auto* behind : {"\n", "text", "\xff\xd9"}) EXPECT_EQ(whole_picture_type(whole + behind), "");
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {0x01, 0x20, 0x80, 0xff}) {
        auto other = whole;
        other[at] = static_cast<char>(other[at] ^ flip);
        const auto type = whole_picture_type(other);
        EXPECT_TRUE(type.empty() || !whole.starts_with(png_signature)) << at << ": each byte of a PNG is in a sum";
        EXPECT_TRUE(type.empty() || at >= 2) << at;
      }
    }
  }
}

TEST(Picture, AccidentsAreNoPictures) {
  const std::string begins[] = {png_signature + big(13) + "IHDR", "\xff\xd8\xff\xdb",
                                "RIFF" + little(400) + "WEBPVP8 "};
  for (unsigned seed = 0; seed < 300; ++seed) {
    for (const auto& begin : begins) EXPECT_EQ(whole_picture_type(begin + noise(seed * 3, seed)), "") << seed;
  }
}

// ---- what is not image data

TEST(Picture, WhatACameraAndAnEditorWriteIsBounded) {
  const auto exif = std::string("Exif\0\0MM\0*\0\0\0\x08", 14) + noise(1000);
  EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xe1, exif))), "image/jpeg");
  EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xe1, noise(max_beside_picture)))), "image/jpeg");
  EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xe1, noise(max_beside_picture + 1)))), "");
  EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xe1, noise(3000)) + segment(0xe2, noise(3000)))), "") << "in all";
  EXPECT_EQ(whole_picture_type(png_with(chunk("eXIf", exif))), "image/png");
  EXPECT_EQ(whole_picture_type(png_with(chunk("eXIf", noise(max_beside_picture)))), "");
  EXPECT_EQ(whole_picture_type(png_with(chunk("zzZz", noise(3000)), chunk("zzZz", noise(3000)))), "");
  EXPECT_EQ(whole_picture_type(riff(webp_extended() + lossless() + riff_chunk("EXIF", exif))), "image/webp");
  EXPECT_EQ(whole_picture_type(riff(webp_extended() + lossless() + riff_chunk("EXIF", noise(5000)))), "");
}

TEST(Picture, ATextInItIsShort) {
  for (const std::size_t size : {100U, 2000U}) {
    const bool may = size < max_text_in_picture;
    const auto text = letter(size);
    std::string wide;
    for (const char c : letter(size / 2 + 100)) wide += std::string(1, c) + '\0';
    EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xfe, text))), may ? "image/jpeg" : "") << size;
    EXPECT_EQ(whole_picture_type(jpeg(40, {}, segment(0xfe, text))), may ? "image/jpeg" : "") << size;
    EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xe1, "Exif" + wide))), may ? "image/jpeg" : "") << "UTF-16";
    EXPECT_EQ(whole_picture_type(png_with(chunk("tEXt", std::string("Comment\0", 8) + text))), may ? "image/png" : "");
    EXPECT_EQ(whole_picture_type(png_with({}, chunk("iTXt", std::string("C\0\0\0\0\0", 6) + text))),
              may ? "image/png" : "");
    EXPECT_EQ(whole_picture_type(riff(webp_extended() + lossless() + riff_chunk("XMP ", text))),
              may ? "image/webp" : "");
  }
  std::string french;
  while (french.size() < 2000) french += "La fusion est décidée, à huis clos, dès vendredi – brûlez ceci. ";
  EXPECT_EQ(whole_picture_type(jpeg(40, segment(0xfe, french))), "");
}

TEST(Picture, ATextThatIsPackedIsNoneOfAPicture) {
  const auto zipped = packed(letter(3000));
  ASSERT_LT(zipped.size(), 200);
  EXPECT_EQ(whole_picture_type(png_with(chunk("zTXt", std::string("C\0\0", 3) + zipped))), "");
  EXPECT_EQ(whole_picture_type(png_with(chunk("iTXt", std::string("C\0\1\0\0\0", 6) + zipped))), "");
  EXPECT_EQ(whole_picture_type(png_with(chunk("iCCP", std::string("C\0\0", 3) + zipped))), "");
  EXPECT_EQ(whole_picture_type(png_with(chunk("iCCP", std::string("C\0\0", 3) + packed(noise(3000))))), "image/png");
  EXPECT_EQ(whole_picture_type(png_with(chunk("iCCP", std::string("C\0\0", 3) + packed(std::string(9000, 'x'))))), "");
  EXPECT_EQ(whole_picture_type(png_with(chunk("iCCP", std::string("C\0\0", 3) + zipped + "behind"))), "");
}

// ---- image data that are a text

TEST(Picture, ImageDataAreNoText) {
  const auto text = letter(4000);
  EXPECT_EQ(whole_picture_type(jpeg(0, {}, text)), "");
  EXPECT_EQ(whole_picture_type(jpeg(20, {}, text)), "");
  EXPECT_EQ(whole_picture_type(riff(riff_chunk("VP8L", "\x2f" + little(7 | 7 << 14) + text))), "");
  EXPECT_EQ(whole_picture_type(riff(riff_chunk("VP8 ", std::string("\x10\x02\0\x9d\x01\x2a\x08\0\x08\0", 10) + text))),
            "");
  EXPECT_EQ(whole_picture_type(riff(webp_extended() + riff_chunk("ALPH", text) + lossless())), "");
  std::string lines;
  for (std::size_t i = 0; i < 60; ++i) lines += '\0' + letter(60);
  const Png square{60, 60};
  EXPECT_EQ(whole_picture_type(png_of(square, lines, 0)), "") << "pixels that are letters, as they are";
  EXPECT_EQ(whole_picture_type(png_of(square, lines)), "") << "and packed";
  EXPECT_EQ(whole_picture_type(png_signature + square.header() + chunk("IDAT", text) + chunk("IEND", {})), "");
  const Png indexed{8, 8, 8, 3};
  const std::string dark(8 * 9, '\0');
  const auto image = chunk("IDAT", packed(dark)) + chunk("IEND", {});
  EXPECT_EQ(whole_picture_type(png_signature + indexed.header() + chunk("PLTE", noise(300)) + image), "image/png");
  EXPECT_EQ(whole_picture_type(png_signature + indexed.header() + chunk("PLTE", letter(300)) + image), "");
}

// What encoders make of an even surface repeats itself, and may be printable.
TEST(Picture, AnEvenSurfaceIsNoText) {
  std::string even;
  while (even.size() < 4000) even += "(\xa2\x8a";
  EXPECT_EQ(whole_picture_type(jpeg(40, {}, even)), "image/jpeg");
  EXPECT_EQ(whole_picture_type(jpeg(40, {}, std::string(4000, 'U'))), "image/jpeg");
  std::string grey;
  for (std::size_t i = 0; i < 60; ++i) grey += '\0' + std::string(60, 'd');
  EXPECT_EQ(whole_picture_type(png_of({60, 60}, grey)), "image/png");
}

// ---- structure

TEST(Picture, ThePixelsOfAPngAreAsManyAsItSays) {
  const std::string line = '\0' + std::string(8, '\x07');
  std::string lines;
  for (int i = 0; i < 8; ++i) lines += line;
  EXPECT_EQ(whole_picture_type(png_of({}, lines)), "image/png");
  EXPECT_EQ(whole_picture_type(png_of({}, lines + line)), "");
  EXPECT_EQ(whole_picture_type(png_of({}, lines.substr(1))), "");
  EXPECT_EQ(whole_picture_type(png_of({8, 9}, lines)), "");
  EXPECT_EQ(whole_picture_type(png_of({8, 8, 16}, lines)), "");
  EXPECT_EQ(whole_picture_type(png_of({8, 8, 8, 0, 1}, lines)), "") << "interlaced lines are more";
  const auto zipped = packed(lines);
  const auto around = [&](std::string_view data) {
    return png_signature + Png().header() + std::string(data) + chunk("IEND", {});
  };
  EXPECT_EQ(whole_picture_type(around(chunk("IDAT", zipped.substr(0, 5)) + chunk("IDAT", zipped.substr(5)))),
            "image/png");
  EXPECT_EQ(whole_picture_type(around(chunk("IDAT", zipped + "behind"))), "");
  EXPECT_EQ(whole_picture_type(around(chunk("IDAT", zipped.substr(0, zipped.size() - 4)))), "");
  EXPECT_EQ(whole_picture_type(
                around(chunk("IDAT", zipped.substr(0, 5)) + chunk("gAMA", big(1)) + chunk("IDAT", zipped.substr(5)))),
            "");
}

TEST(Picture, ChunksOfAPngHaveTheirPlaces) {
  const auto data = chunk("IDAT", packed(std::string(72, '\0')));
  const auto end = chunk("IEND", {});
  const auto header = Png().header();
  EXPECT_EQ(whole_picture_type(png_signature + header + data + end), "image/png");
  for (const auto& wrong :
       {data + end, header + end, header + data, header + header + data + end, header + data + chunk("IEND", "x"),
        header + data + end + end, header + chunk("ABCD", {}) + data + end, header + data + chunk("PLTE", "abc") + end,
        header + chunk("PLTE", "ab") + data + end, header + chunk("PLTE", {}) + data + end}) {
    EXPECT_EQ(whole_picture_type(png_signature + wrong), "");
  }
  for (const auto& [width, height, depth, colour, interlace] :
       {Png{0, 8}, Png{8, 0}, Png{8, 8, 3}, Png{8, 8, 8, 1}, Png{8, 8, 4, 2}, Png{8, 8, 8, 7}, Png{8, 8, 8, 0, 2},
        Png{8, 8, 0}, Png{max_picture_side + 1, 8}, Png{8, 8, 8, 3}}) {
    EXPECT_EQ(whole_picture_type(png_signature + Png{width, height, depth, colour, interlace}.header() + data + end),
              "");
  }
}

TEST(Picture, SegmentsOfAJpegHaveTheirPlaces) {
  const auto tables = jpeg_tables();
  const auto frame = jpeg_frame();
  const auto scan = jpeg_scan() + noise(20);
  const std::string begin = "\xff\xd8", end = "\xff\xd9";
  EXPECT_EQ(whole_picture_type(begin + tables + frame + scan + end), "image/jpeg");
  EXPECT_EQ(whole_picture_type(begin + tables + "\xff\xff" + frame + scan + end), "image/jpeg") << "B.1.1.2";
  EXPECT_EQ(whole_picture_type(begin + tables + tables + tables + tables + frame + scan + end), "image/jpeg");
  EXPECT_EQ(whole_picture_type(begin + tables + tables + tables + tables + tables + frame + scan + end), "");
  EXPECT_EQ(whole_picture_type(begin + tables + frame + scan + scan + end), "image/jpeg") << "progressive";
  for (const auto& wrong :
       {tables + frame + end, frame + scan + end, tables + scan + frame + end, tables + scan + end,
        tables + frame + frame + scan + end, tables + frame + jpeg_scan() + end, tables + frame + scan + end + end,
        tables + frame + scan + "\xff\xd8" + end, tables + jpeg_frame(0) + scan + end,
        tables + jpeg_frame(max_picture_side + 1) + scan + end, tables + segment(0xc9, frame.substr(4)) + scan + end,
        tables + "text" + frame + scan + end, tables + frame + segment(0xdd, "abc") + scan + end,
        tables + segment(0xf0, {}) + frame + scan + end}) {
    EXPECT_EQ(whole_picture_type(begin + wrong), "");
  }
  const std::string one_code = std::string("\0\1", 2) + std::string(15, '\0');
  const auto with = [&](std::string_view table) { return begin + segment(0xc4, table) + tables + frame + scan + end; };
  EXPECT_EQ(whole_picture_type(with(one_code + "\1")), "image/jpeg");
  EXPECT_EQ(whole_picture_type(with(one_code)), "") << "a value is missing";
  EXPECT_EQ(whole_picture_type(with(one_code + "\1\1")), "") << "one more";
  EXPECT_EQ(whole_picture_type(with(std::string("\0\0\2", 3) + std::string(14, '\0') + "\1\1")), "")
      << "twice the same";
  EXPECT_EQ(whole_picture_type(with(std::string("\0\3", 2) + std::string(15, '\0') + "\1\2\3")), "") << "no such code";
}

TEST(Picture, ChunksOfAWebpHaveTheirPlaces) {
  const auto frame = riff_chunk("ANMF", std::string(16, '\1') + lossless());
  EXPECT_EQ(whole_picture_type(riff(webp_extended() + riff_chunk("ANIM", "\1\2\3\4\5\6") + frame + frame)),
            "image/webp");
  auto longer = webp();
  longer[4] = static_cast<char>(longer[4] + 2);
  EXPECT_EQ(whole_picture_type(longer), "");
  auto padded = webp(40);
  padded.back() = 'x';
  for (const auto& wrong :
       {riff({}), riff(webp_extended()), riff(lossless() + lossless()), riff(lossless() + riff_chunk("EXIF", "a")),
        riff(riff_chunk("VP8L", "\x2e" + noise(40))), riff(riff_chunk("VP8L", "\x2f\7\7\7\xff" + noise(40))),
        riff(lossless() + webp_extended()), riff(riff_chunk("VP8X", noise(9)) + lossless()),
        riff(webp_extended() + riff_chunk("ANMF", std::string(16, '\1') + frame)),
        riff(webp_extended() + riff_chunk("ANMF", std::string(16, '\1'))),
        riff(riff_chunk("VP8 ", std::string("\x11\x02\0\x9d\x01\x2a\x08\0\x08\0", 10) + noise(60))),
        riff(riff_chunk("VP8 ", std::string("\x10\xff\0\x9d\x01\x2a\x08\0\x08\0", 10) + noise(60))), padded}) {
    EXPECT_EQ(whole_picture_type(wrong), "");
  }
  EXPECT_EQ(
      whole_picture_type(riff(riff_chunk("VP8 ", std::string("\x10\x02\0\x9d\x01\x2a\x08\0\x08\0", 10) + noise(60)))),
      "image/webp");
}

}  // namespace
}  // namespace valise
