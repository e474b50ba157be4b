// A store in which there is nothing, for tests that put something in its place.
#pragma once

#include "storage/store.hpp"

namespace valise::storage {

class EmptyReader : public Reader {
 public:
  Result<std::optional<Account>> account(std::string_view) override { return std::nullopt; }
  Result<std::vector<Account>> accounts(std::string_view) override { return {}; }
  Result<std::vector<std::string>> removing() override { return {}; }
  Result<Roster> roster(std::string_view) override { return {}; }
  Result<std::vector<PepNode>> pep_nodes(std::string_view) override { return {}; }
  Result<std::vector<PepItem>> pep_items(std::string_view, std::string_view, std::size_t, std::string_view) override {
    return {};
  }
  Result<std::vector<PepItemName>> pep_item_names(std::string_view, std::string_view, std::size_t) override {
    return {};
  }
  Result<std::vector<AccountData>> account_data(std::string_view, DataKind, std::string_view) override { return {}; }
  Result<std::vector<BoxMessage>> undelivered(std::string_view, std::uint64_t, std::size_t) override { return {}; }
  Result<std::optional<BoxMessage>> message(std::string_view, std::uint64_t) override { return std::nullopt; }
  Result<bool> has_message(std::uint64_t) override { return false; }
  Result<std::vector<HeldMessage>> held_due(std::int64_t, HeldPlace, std::size_t) override { return {}; }
  Result<std::vector<HeldMessage>> held_of(std::string_view, std::uint64_t, std::size_t) override { return {}; }
  Result<std::vector<BoxMessage>> messages_after(std::uint64_t, std::size_t) override { return {}; }
  Result<std::vector<BoxMessage>> archived(const ArchiveRange&, std::size_t, bool) override { return {}; }
  Result<std::uint64_t> archive_size(const ArchiveRange&, std::uint64_t) override { return 0; }
  Result<bool> is_archived(std::string_view, std::uint64_t) override { return false; }
  Result<std::vector<BoxMessage>> newest_received(std::string_view, std::uint64_t, std::size_t) override { return {}; }
  Result<std::vector<std::pair<std::string, std::string>>> data_of_all(DataKind, std::string_view) override {
    return {};
  }
  Result<std::uint64_t> greatest_id() override { return 0; }
  Result<std::optional<LogMark>> log_mark() override { return std::nullopt; }
};

}  // namespace valise::storage
