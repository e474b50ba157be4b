#include "modules/commands/command.hpp"
#include "xml/writer.hpp"

namespace valise::modules::commands {

Execution::Execution(core::IqRequest request, std::string node, std::string id, core::Language language, Values values)
    : request_(std::move(request)),
      node_(std::move(node)),
      id_(std::move(id)),
      language_(language),
      values_(std::move(values)) {
  if (const auto* session = request_.session()) {
    origin_ = session->origin;
    session_ = session->id;
    encrypted_ = !session->tls_version.empty();
  }
}

void Execution::finish(std::string_view note, bool failed, const Form* result) {
  std::string out;
  xml::Writer writer(out);
  writer.open("command", ns_commands).attribute("node", node_).attribute("sessionid", id_);
  writer.attribute("status", "completed").attribute("xml:lang", core::tag_of(language_));
  if (result != nullptr) writer.raw(result_xml(*result, language_));
  if (!note.empty()) {
    writer.open("note").attribute("type", failed ? "error" : "info").text(note).close();
  }
  writer.close();
  request_.result(std::move(out));
}

}  // namespace valise::modules::commands
