#!/usr/bin/env python3
"""Sum the test cases of Meson's JUnit logs: sum.py FAILED-BUILDS LOG...

Names what failed or was skipped and ends with "N passed, N failed, N skipped"; exit status 1 if anything failed.
"""
import sys
import xml.etree.ElementTree as xml

failed = int(sys.argv[1])
passed = skipped = 0
for log in sys.argv[2:]:
    build = log.split("/")[0]
    for suite in xml.parse(log).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            name = f"{build}: {suite.get('name')} {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print("FAILED ", name)
            elif case.find("skipped") is not None:
                skipped += 1
                print("SKIPPED", name)
            else:
                passed += 1
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
