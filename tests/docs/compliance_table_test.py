"""compliance_table.py finds what it is there for."""

import unittest

import compliance_table as table

SUITES = "| suite | level | specification | what | by | tests |"
CHECKS = "| check | specification | what the tester looks at | by | tests |"
KNOWN = ({"csi", "caps"}, {"csi", "compliance", "unit.csi: Csi.Waits"}, {("XEP-0352", "csi"), ("RFC 6120", "kernel")}, {"xep0352"})


def faults(row, header=SUITES):
    [(_, cells)] = table.rows("\n".join([header, "| --- |", row]))
    return table.faults_of_row(cells, *KNOWN)


class ComplianceTable(unittest.TestCase):
    def test_what_is_right_has_no_fault(self):
        for row in ("| Mobile | Core | XEP-0352 | client state | csi | `csi` |",
                    "| Mobile | Core | XEP-0352 | client state | caps, csi | `csi` `compliance` |",
                    "| Core | Core | RFC 6120 | streams | kernel | `csi` |",
                    "| Core | Core | RFC 6120 | streams | kernel | `csi` `unit.csi: Csi.Waits` |",
                    "| IM | Core | XEP-0045 | rooms | later: rooms | – |",
                    "| Mobile | Advanced | XEP-0357 | push | push | `push` |"):
            self.assertEqual(faults(row), [], row)
        self.assertEqual(faults("| `xep0352` | XEP-0352 | stream feature | csi | `compliance` |", CHECKS), [])

    def test_what_is_wrong_is_found(self):
        for row in ("| Mobile | Core | XEP-0352 | client state | csi | `other` |",
                    "| Mobile | Core | XEP-0352 | client state | csi | `csi` `unit.csi: Csi.Sleeps` |",
                    "| Mobile | Core | XEP-0352 | client state | csi |  |",
                    "| Mobile | Core | XEP-0352 | client state | csi, other | `csi` |",
                    "| Mobile | Core | XEP-0352 | client state | caps | `csi` |",
                    "| Mobile | Core | XEP-0353 | client state | csi | `csi` |",
                    "| Mobile | Core | XEP-0352 | client state | later: rooms | `csi` |",
                    "| Mobile | Core | XEP-0352 | client state | later: no | – |",
                    "| Mobile | Core | XEP-0352 | csi | `csi` |"):
            self.assertEqual(len(faults(row)), 1, row)
        self.assertEqual(len(faults("| `xep0115` | XEP-0352 | stream feature | csi | `compliance` |", CHECKS)), 1)

    def test_a_row_that_has_to_be_there_is_missed(self):
        text = (table.ROOT / "docs" / "compliance.md").read_text()
        all_rows = [row for _, row in table.rows(text)]
        self.assertEqual(table.missing(all_rows), [])
        for index in range(len(all_rows)):
            row, others = all_rows[index], all_rows[:index] + all_rows[index + 1:]
            asked = "check" in row or (row["suite"], row["specification"]) in table.ASKED
            self.assertEqual(len(table.missing(others)), 1 if asked else 0, row)
        self.assertTrue(table.missing(all_rows + all_rows[-1:]), "a check twice")

    def test_sections_of_an_rfc_stand_for_it(self):
        found = table.protocols("| RFC 6121 §2 | 2011 | complete | roster | lists |\n| XEP-0001 | 1 | complete | x | y |")
        self.assertEqual(found, {("RFC 6121", "roster"), ("XEP-0001", "x")})


if __name__ == "__main__":
    unittest.main()
