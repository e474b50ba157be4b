"""rfc_table.py finds what it is there for."""

import unittest

import rfc_table

KNOWN = {"protocol.bed: a_story", "unit.jid: Jid.Claim"}


def faults(*lines, header="| section | rule | level | test |"):
    return rfc_table.faults("\n".join([header, "| --- | --- | --- | --- |", *lines]), KNOWN)


class RfcTable(unittest.TestCase):
    def test_what_is_right_has_no_fault(self):
        self.assertEqual(faults("| §4.1 | a rule | MUST | `protocol.bed: a_story`<br>`unit.jid: Jid.Claim` |",
                                "| §A.3.1 | a \\| rule | SHOULD NOT | deviation: because of this and of that |",
                                "| §4.1.2 | a rule | MUST NOT | `protocol.bed: a_story`<br>deviation: because of this and that |"), [])

    def test_what_is_wrong_is_found(self):
        for row in ("| §4.1 | a rule | MUST |  |",
                    "| §4.1 | a rule | MUST | `protocol.bed: another_story` |",
                    "| §4.1 | a rule | MUST | `protocol.bed: a_story`<br> |",
                    "| §4.1 | a rule | MUST | `protocol.bed: a_story`, `unit.jid: Jid.Claim` |",
                    "| §4.1 | a rule | MUST | unit.jid: Jid.Other |",
                    "| §4.1 | a rule | MUST | deviation: no |",
                    "| §4.1 | a rule | MUST | see above |",
                    "| §4.1 | a rule | MAY | `protocol.bed: a_story` |",
                    "| 4.1 | a rule | MUST | `protocol.bed: a_story` |",
                    "| §4.1 |  | MUST | `protocol.bed: a_story` |",
                    "| §4.1 | MUST | `protocol.bed: a_story` |"):
            self.assertEqual(len(faults(row)), 1, row)

    def test_a_file_without_rows_is_found(self):
        self.assertTrue(faults())
        self.assertTrue(faults("| §4.1 | a rule | MUST | `protocol.bed: a_story` |", header="| section | rule | test | level |"))

    def test_the_projects_tests_are_known(self):
        self.assertIn("protocol.rfc6120_stream: broken_xml_ends_the_stream", rfc_table.stories(rfc_table.ROOT / "tests/protocol"))
        units = rfc_table.unit_tests(rfc_table.ROOT / "tests/unit")
        for folder in ("unit.jid: ", "unit.xml: ", "unit.contacts_town: ", "unit.caps: "):
            self.assertTrue(any(name.startswith(folder) for name in units), folder)


if __name__ == "__main__":
    unittest.main()
