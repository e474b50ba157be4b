// XEP-0054: each account has one card. It is in the store alone; a change is durable when it is answered.
#include "modules/vcard/vcard.hpp"

#include "core/shard.hpp"
#include "modules/avatars/card_pictures.hpp"
#include "modules/pep/discovery.hpp"
#include "modules/vcard/card.hpp"

namespace valise::modules {
namespace vcard {
namespace {

using core::IqTarget;
using core::StanzaError;

enum class Mode : std::uint8_t { fields, readonly, free };

const config::Choice<Mode> mode_option{
    config::Declaration<std::string_view>{
        .name = "vcard.mode",
        .otherwise = "fields",
        .reason = "fields: names, functions, addresses and a picture (docs/sealed.md 3.5); readonly: nobody changes a "
                  "card; free: anything",
        .scope = config::Scope::host,
        .reload = config::Reload::live},
    {{"fields", Mode::fields}, {"readonly", Mode::readonly}, {"free", Mode::free}}};

constexpr std::string_view row = "card";  // an account's only one

const StanzaError not_yours{.type = StanzaError::Type::auth,
                            .condition = "forbidden",
                            .text = {"This card is not yours.", "Cette carte n’est pas la vôtre."}};
const StanzaError no_card{.type = StanzaError::Type::cancel, .condition = "item-not-found"};
const StanzaError read_only{
    .type = StanzaError::Type::cancel,
    .condition = "not-allowed",
    .text = {"Cards can't be changed here; ask your administrators.",
             "Les cartes ne peuvent être modifiées ici ; adressez-vous à vos administrateurs."}};
const StanzaError not_saved{.type = StanzaError::Type::wait,
                            .condition = "resource-constraint",
                            .text = {"The card can't be saved right now. Please try again.",
                                     "La carte ne peut être enregistrée pour l’instant. Veuillez réessayer."}};

using Card = std::optional<std::string>;

// On a database thread. `as_it_is`: otherwise what an earlier mode let in is left out.
Result<Card> read_card(storage::Reader& reader, const std::string& owner, bool as_it_is) {
  auto rows = reader.account_data(owner, storage::DataKind::vcard, row);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return Card();
  if (as_it_is) return Card(std::move(rows->front().value));
  const auto document = xml::parse_element(rows->front().value);
  auto card = document ? allowed_card(document->root()) : std::unexpected(CardFault::size);
  if (!card || card->empty()) return Card();
  return Card(std::move(*card));
}

// The same, with the avatar as its picture if there is one: of `id`, for whom it is `shown`.
Result<Card> read_shown(storage::Reader& reader, const std::string& owner, bool as_it_is, const std::string& id,
                        bool shown) {
  auto card = read_card(reader, owner, as_it_is);
  if (!card || id.empty()) return card;
  const auto photo = shown ? avatars::read_photo(reader, owner, id) : Result<std::string>(std::string());
  if (!photo) return std::unexpected(photo.error());
  auto whole = with_photo(split_picture(card->value_or(std::string())).card, *photo);
  return whole.empty() ? Card() : Card(std::move(whole));
}

class VCard final : public core::Module {
 public:
  explicit VCard(core::Shard& shard) : shard_(shard) {}

  void start(core::Registrar& registrar) override {
    registrar.at(core::Stage::validate, core::Kind::iq, [](core::Flow& flow) { return keep_off(flow); });
    registrar.iq(IqTarget::account, "get", "vCard", ns_vcard,
                 [this](core::IqRequest request) { get(std::move(request)); });
    registrar.iq(IqTarget::account, "set", "vCard", ns_vcard,
                 [this](core::IqRequest request) { set(std::move(request)); });
  }

  void configure(const config::Snapshot& snapshot) override {
    modes_.clear();
    otherwise_ = snapshot.get(mode_option);
    for (const auto& host : snapshot.hosts()) modes_[host] = snapshot.get(mode_option, host);
  }

 private:
  // §3.2: said where the request begins, so that it tells nothing of whom it names.
  static core::Verdict keep_off(const core::Flow& flow) {
    const auto& iq = *flow.stanza;
    if (iq.type != "set" || !iq.to || !iq.to->has_local() || iq.to->same_bare(iq.from)) return nullptr;
    if (!iq.payload().is("vCard", ns_vcard)) return nullptr;
    return core::make_refusal(not_yours, "vcard-not-yours");
  }

  [[nodiscard]] Mode mode_of(const core::Account& account) const {
    const auto found = modes_.find(account.jid.domain());
    return found == modes_.end() ? otherwise_ : found->second;
  }
  // Whether a card is kept and shown as it is; who may write it is another matter.
  [[nodiscard]] bool is_free(const core::Account& account) const {
    const auto* host = shard_.host(account.jid.domain());
    return mode_of(account) == Mode::free || (host != nullptr && !host->sealed);
  }

  // §3.3: no card and no account are one error.
  void get(core::IqRequest request) {
    auto& account = *request.account();
    const bool own = request.from_owner();
    const auto* pep = shard_.service<PepDiscovery>();
    const bool visible = own || (pep != nullptr && pep->is_visible(account, request.from()));
    if (!visible) return request.error(core::service_unavailable);
    if (!shard_.has_room(account)) return request.error(core::store_away);
    // Behind what the owner has just changed.
    const auto bytes = sizeof request + request.stanza().memory();
    account.in_order(
        [this, &account, own, request = std::move(request)]() mutable {
          const auto* pictures = pictures_of(account);
          const auto id = pictures == nullptr ? std::string() : pictures->current(account);
          const bool shown = !id.empty() && (own || pictures->is_shown_to(account, request.from()));
          shard_.read([jid = account.jid.str(), free = is_free(account), id,
                       shown](storage::Reader& reader) { return read_shown(reader, jid, free, id, shown); },
                      [own, request = std::move(request)](Result<Card> card) mutable {
                        if (!card) return request.error(core::store_away);
                        if (*card) return request.result(std::move(**card));
                        request.error(own ? no_card : core::service_unavailable);
                      });
        },
        bytes);
  }

  void set(core::IqRequest request) {
    if (!request.from_owner()) return request.error(not_yours);
    auto& account = *request.account();
    if (mode_of(account) == Mode::readonly) return request.deny(read_only, "vcard-readonly");
    auto card = is_free(account) ? free_card(request.payload()) : allowed_card(request.payload());
    if (!card) {
      const StanzaError error{
          .type = StanzaError::Type::modify, .condition = "policy-violation", .text = describe(card.error())};
      return request.deny(error, std::string(reason_of(card.error())));
    }
    auto* pictures = pictures_of(account);
    if (pictures == nullptr) return save(account, std::move(request), *card);
    // XEP-0398 §3.2: the picture is the avatar, and the card that comes without one takes it away.
    auto picture = split_picture(*card);
    const bool convertible = !picture.bytes.empty();
    const bool had_one = !pictures->current(account).empty();
    if (!convertible && !had_one) return save(account, std::move(request), *card);
    std::vector<storage::Write> writes;
    writes.push_back(row_of(account, picture.there && !convertible ? *card : picture.card));
    const auto from = request.from();
    pictures->replace(account, from, std::move(picture.bytes), std::move(writes),
                      [request = std::move(request)](std::expected<void, StanzaError> done) mutable {
                        if (!done) return request.error(done.error());
                        request.result();
                      });
  }

  // Where the directory keeps cards, what people publish changes none.
  [[nodiscard]] CardPictures* pictures_of(const core::Account& account) const {
    return mode_of(account) == Mode::readonly ? nullptr : shard_.service<CardPictures>();
  }

  static storage::Write row_of(const core::Account& account, const std::string& card) {
    if (card.empty()) {
      return storage::RemoveAccountData{account.jid.str(), storage::DataKind::vcard, std::string(row)};
    }
    return storage::PutAccountData{account.jid.str(), storage::DataKind::vcard, {std::string(row), card}};
  }

  void save(core::Account& account, core::IqRequest request, const std::string& card) {
    auto unit = std::make_unique<core::Unit>();
    unit->writes.push_back(row_of(account, card));
    const auto bytes = sizeof request + request.stanza().memory();
    unit->done = [request = std::move(request)](core::Unit& finished) mutable {
      if (!finished.outcome) return request.error(not_saved);
      request.result();
    };
    shard_.commit_in_order(account, std::move(unit), bytes);
  }

  core::Shard& shard_;
  core::TextMap<Mode> modes_;
  Mode otherwise_ = Mode::fields;
};

}  // namespace
}  // namespace vcard

const core::Manifest& vcard_manifest() {
  static const core::Manifest manifest{
      .name = "vcard",
      .summary = "Keeps each account's card: name, function, addresses, picture.",
      .implements = {{"XEP-0054", "1.3.0", core::Completeness::partial},
                     {"XEP-0292", "0.12.0", core::Completeness::partial}},
      .server_features = {vcard::ns_vcard, vcard::ns_vcard4},
      .account_features = {vcard::ns_vcard, vcard::ns_vcard4},
      .options = [](config::Registry& registry) { registry.add(vcard::mode_option); },
      .make = [](core::Shard& shard) -> std::unique_ptr<core::Module> { return std::make_unique<vcard::VCard>(shard); },
  };
  return manifest;
}

}  // namespace valise::modules
