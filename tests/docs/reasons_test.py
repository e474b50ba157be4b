"""reasons.py finds what it is there for."""

import unittest

import reasons

CODE = '''
audit::Record about_account(const Jid& account, std::string reason, Ref<const Origin> by = {});
void App::record_admin(std::string reason, std::string about) {
shard.record(core::about_account(account.jid, "user-add", origin));
record_admin(all ? "announce-all" : "announce-online", host);  // not "a-comment"
refusal->reason = "blocked";
std::string_view reason_of(Fault fault) noexcept {
  return fault == Fault::space ? "private-namespace" : "private-content";
}
return {false, "no-store"};
return fail(auth::Condition::not_authorized, "no valid token");
'''
SAID = "user-add announce-all announce-online blocked private-namespace private-content no-store no-valid-token"


def faults(code, said):
    guide = f"| of kind | reasons |\n|---|---|\n| `denied` | these: `{said}`; and so on |\n\n| `other` | `table` |\n"
    return reasons.faults([code], {"guide": guide})


class Reasons(unittest.TestCase):
    def test_what_is_right_has_no_fault(self):
        self.assertEqual(faults(CODE, SAID), [])

    def test_what_is_missing_is_found(self):
        for code in set(SAID.split()) - {"no-valid-token"}:
            self.assertEqual(faults(CODE, " ".join(word for word in SAID.split() if word != code)), [f"guide: {code} is missing"])

    def test_what_nobody_writes_or_stands_twice_is_found(self):
        self.assertEqual(faults(CODE, SAID + " user-sold"), ["guide: user-sold is written by nobody"])
        self.assertEqual(faults(CODE, SAID + " blocked"), ["guide: blocked is named twice"])

    def test_a_guide_without_the_table_is_found(self):
        with self.assertRaises(ValueError):
            reasons.faults([CODE], {"guide": "no table\n"})

    def test_the_projects_reasons_are_known(self):
        paths = [path for folder in ("server", "modules") for path in (reasons.ROOT / folder).rglob("*.cpp")]
        paths += [path for folder in ("server", "modules") for path in (reasons.ROOT / folder).rglob("*.hpp")]
        found = reasons.of_code([path.read_text() for path in paths])
        self.assertLessEqual({"archive-keep", "announce-all", "not-subscribed", "vcard-photo", "archive-not-yours", "blocked",
                              "blocked-by-sender", "user-stats", "push-refused", "reload-sealed-off", "rows-refused", "fleeting",
                              "pep-payload", "plaintext", "roster-full", "resumed", "command", "private-content"}, found)


if __name__ == "__main__":
    unittest.main()
