"""The closed list of what can be wrong with an export: a rule, and a mend in words for the sender."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """What must hold, and what the sender does when it does not: a sentence each.

    Where it may be the contract that does not fit, the mend says both.
    """

    rule: str
    mend: str


ERRORS: dict[str, Rule] = {
    # The delivery as a whole: refused by pull.
    "bad_control": Rule(
        "The file control.json is valid JSON with exactly the agreed keys, each with a value of its kind.",
        "Write the named key of control.json as agreed and send the delivery again.",
    ),
    "wrong_institution": Rule(
        "A delivery lies in the folder of the institution that its control file names.",
        "Put your own institution id into control.json and send the delivery again.",
    ),
    "wrong_name": Rule(
        "A file is named as the contract says, with its business date and part, and without a folder.",
        "Name the files as agreed and send the delivery again.",
    ),
    "unknown_feed": Rule(
        "Every file belongs to a feed of the contract.",
        "Remove the file or agree on the new feed first, then send the delivery again.",
    ),
    "missing_feed": Rule(
        "A delivery holds every feed of the contract, also a feed without rows.",
        "Add a file with no rows for the missing feed and send the delivery again.",
    ),
    "wrong_parts": Rule(
        "The parts of a feed are numbered 1 to the stated total, each once.",
        "Send the delivery again with every part of the feed.",
    ),
    "wrong_sums": Rule(
        "The file control.json states, for each file, exactly the sum that the contract names.",
        "State the agreed sum in control.json and send the delivery again.",
    ),
    "missing_file": Rule(
        "Every file that control.json names is in the delivery.",
        "Send the delivery again with all its files.",
    ),
    "stray_entry": Rule(
        "A drop folder holds nothing but deliveries, each a folder named by its arrival in UTC, such as 20261102T013000Z.",
        "Take the entry away; if it is a delivery, send it again under such a name.",
    ),
    "repeated_key": Rule(
        "A key stands once in an object of JSON.",
        "Write the key once; send the row again, or the delivery if it was in control.json.",
    ),
    "extra_file": Rule(
        "A delivery holds nothing but plain files that control.json names.",
        "Remove the file, or name it in control.json, and send the delivery again.",
    ),
    "wrong_sha256": Rule(
        "The bytes of a file have the sha256 that control.json states.",
        "Send the delivery again: the file changed on its way.",
    ),
    "wrong_customer": Rule(
        "The file control.json names the customer of every bill that a person brought, and of no other file.",
        "Name the customer of each bill in control.json and send the delivery again.",
    ),
    "wrong_bill": Rule(
        "Control.json states the period or the time of export of a bill exactly where the contract takes it from there.",
        "State in control.json what the contract takes from it, and no more, and send the delivery again.",
    ),
    "future_statement": Rule(
        "A statement is of a day that had begun when it arrived.",
        "Put the business date into control.json and the file names, and send the delivery again.",
    ),
    "old_statement": Rule(
        "A statement arrives within the days after its date that the contract gives.",
        "Check the business date in control.json and the file names; agree on a longer time if the statement is so old.",
    ),
    "wrong_revision": Rule(
        "Revisions of a business date follow each other: each is at most 100 above the highest that was accepted.",
        "Number the revision after the last one and send the delivery again.",
    ),
    "internal": Rule(
        "What an institution sends is read without a mistake of ours; the reference names its line in the log.",
        "Nothing is wrong with the delivery as far as known: tell the operator, who mends it and runs again.",
    ),
    "changed_statement": Rule(
        "A statement that was accepted never changes.",
        "Send the corrected statement with a higher revision.",
    ),
    # A file as a whole: refused by land.
    "bad_compression": Rule(
        "A compressed file is complete and can be unpacked.",
        "Pack the file again and send the statement with a higher revision.",
    ),
    "unpacks_to_too_much": Rule(
        "A packed file unpacks to at most 64 MiB, or to 200 times its size; a zip or workbook has at most 8 MiB, "
        "and a sheet at most a million cells.",
        "Send the file in parts, or packed less.",
    ),
    "bad_archive": Rule(
        "A zip holds exactly one file, in no folder, deflated and without a password.",
        "Pack the one file by itself and send it again.",
    ),
    "bad_workbook": Rule(
        "An Excel file is a whole workbook without a password, XLSX or XLS as the end of its name says.",
        "Save the file as XLSX again and send it with a higher revision.",
    ),
    "missing_sheet": Rule(
        "A workbook has the sheet that the contract names.",
        "Put the rows into the agreed sheet, or agree on another, and send the file with a higher revision.",
    ),
    "bad_xml": Rule(
        "An XML file is well-formed, whole, and in the encoding that it names.",
        "Write the file as well-formed XML and send it with a higher revision.",
    ),
    "forbidden_xml": Rule(
        "An XML file has no document type and no entities of its own.",
        "Leave out the document type and send the file with a higher revision.",
    ),
    "bad_document": Rule(
        "A JSON file is one whole document in UTF-8, in which a key stands once in an object.",
        "Write the file as one JSON document and send it with a higher revision.",
    ),
    "missing_rows": Rule(
        "A JSON document has its rows in the array that the contract names.",
        "Put the rows, also if there are none, into the agreed array, and send the file with a higher revision.",
    ),
    "bad_message": Rule(
        "An MT940 message names its account, its opening balance, its lines and its closing balance, in this order.",
        "Export the statement again, whole, and send it with a higher revision.",
    ),
    "wrong_balance": Rule(
        "The closing balance of a statement is its opening balance and all its lines together, in one currency.",
        "Export the statement again, complete, and send it with a higher revision.",
    ),
    "wrong_encoding": Rule(
        "A file is written in the agreed encoding.",
        "Save the file in the agreed encoding and send it with a higher revision.",
    ),
    "byte_order_mark": Rule(
        "A file starts with its first line, without a byte order mark.",
        "Save the file without byte order mark and send it with a higher revision.",
    ),
    "wrong_line_ending": Rule(
        "Lines end as the contract says.",
        "Write the agreed line ending and send the statement with a higher revision.",
    ),
    "wrong_header": Rule(
        "A file begins with the agreed header or root element.",
        "Check that the file is of this institution and feed, restore its header, and send it with a higher revision.",
    ),
    "missing_column": Rule(
        "The header names every agreed column.",
        "Restore the column, or agree on the new format; send with a higher revision.",
    ),
    "new_column": Rule(
        "The header names agreed columns only.",
        "Remove the column or agree on it first; send with a higher revision.",
    ),
    "repeated_column": Rule(
        "The header names a column once.",
        "Name each column once and send the file with a higher revision.",
    ),
    "bad_preamble": Rule(
        "Above its header, or in its document, a bill says what the contract takes from there: which days it covers, when it "
        "was exported, and whether it is whole, in the form of the contract's `preamble` or `head`.",
        "Bring the bill as it was exported, unchanged; if it is, the contract's `period`, `exported_at`, `selection` "
        "or `time_form` does not fit what is written there: `tanzhang contract try`.",
    ),
    "wrong_period": Rule(
        "The period of a bill ends by the day of its export.",
        "Correct the period or the time of export, and bring the bill again.",
    ),
    "no_dated_row": Rule(
        "A bill whose rows alone tell its period or its time of export has a row with a date that can be read.",
        "Bring the bill once it has rows; agree on another origin of its period if it may have none.",
    ),
    "line_too_long": Rule(
        "A line, or a row of a JSON document, is at most 1 MiB long, an XML element and what stands around the rows of a "
        "JSON document at most 4 MiB, and an XML entry has at most 100,000 transactions.",
        "Check the line endings of the file and send it with a higher revision.",
    ),
    "too_many_rejects": Rule(
        "All but the share of a file's rows that the contract gives can be split into its columns.",
        "Check that the file is whole and of this feed, and send it with a higher revision.",
    ),
    "wrong_row_count": Rule(
        "A file has as many data rows as control.json states.",
        "Send the statement again, complete, with a higher revision.",
    ),
    "wrong_sum": Rule(
        "The named column adds up to the sum that control.json states.",
        "Send the statement again, complete, with a higher revision.",
    ),
    "part_refused": Rule(
        "A statement counts only with all its parts.",
        "Mend the refused part and send the whole statement with a higher revision.",
    ),
    "no_usable_row": Rule(
        "Of the rows of a statement at least one can be used.",
        "Mend the rows and send the statement with a higher revision.",
    ),
    "sum_not_checked": Rule(
        "The named column can be read in every row, so that its sum can be checked.",
        "Mend the unreadable rows and send the statement with a higher revision.",
    ),
    # A statement that is whole and still unlike the last ones: held back by the run.
    "wrong_volume": Rule(
        "A statement has about as many rows as the last ones of its feed.",
        "Check that the statement is complete; send it again with a higher revision, or confirm it.",
    ),
    "wrong_distribution": Rule(
        "Amounts and quantities are about as large as in the last statements of the feed.",
        "Check the units of the statement; send it again with a higher revision, or confirm it.",
    ),
    "too_many_unusable": Rule(
        "Few rows of a statement are quarantined or rejected.",
        "Mend the rows that could not be used and send the statement with a higher revision, or confirm it.",
    ),
    "too_many_bad_identifiers": Rule(
        "Few of the phones, citizen ids or cards that a statement gives are none.",
        "Check that their columns are not exchanged and send the statement with a higher revision, or confirm it.",
    ),
    "unpublishable": Rule(
        "No row of a statement breaks a rule that keeps everybody's day from being published; the quality results name it.",
        "Mend the row that the results name and send the statement with a higher revision, or confirm it.",
    ),
    "not_expected": Rule(
        "A statement is of a business date of which the deployment expects its institution (deployment.yaml).",
        "Nothing is wrong with it: the operator says in deployment.yaml from when on; the next run uses it.",
    ),
    # A row that cannot be split into columns: rejected by land.
    "bad_encoding": Rule(
        "A row is text in the agreed encoding.", "Write the row in the agreed encoding and send it again."
    ),
    "nul_byte": Rule("A row has no NUL byte.", "Remove the NUL byte from the row and send it again."),
    "bad_json": Rule("A row is one JSON object.", "Write the row as one JSON object and send it again."),
    "bad_quoting": Rule(
        "A quoted value is closed in its own line.", "Quote the value as agreed and send the row again."
    ),
    "repeated_header": Rule(
        "A file has one header.", "Join files without the header of the second, and send the statement again."
    ),
    "bad_statement_line": Rule(
        "A line of an MT940 statement has a date that exists, a mark, an amount, a type and a reference (:61:).",
        "Write the line as the standard says and send the statement again.",
    ),
    "unbalanced_entry": Rule(
        "The transactions of an entry add up to it, and of several each says its amount.",
        "State the amount of each transaction, or the entry without them, and send the statement again.",
    ),
    "value_too_long": Rule(
        "A value is no longer than the contract gives, 4,096 characters unless it says more.",
        "Check the delimiters and quotes of the row, or agree on longer values, and send it again.",
    ),
    "too_slow": Rule(
        "A file is read in the time that its size allows.",
        "Send it in parts; tell the operator, who can land it again.",
    ),
    "wrong_columns": Rule(
        "A row has exactly the agreed columns.", "Write the row with the agreed columns and send it again."
    ),
    # A value that cannot be used: its row is quarantined; of an identifier, the registration counts without it.
    "missing_value": Rule("A required value is present.", "Fill in the value and send the row again."),
    "pattern_unmatched": Rule(
        "A value has the form of the contract's `pattern` for its column, such as `original.pattern`, by which a refund "
        "names its purchase.",
        "Correct the value and send the row again; if the institution always writes it so, the contract's `pattern` does "
        "not fit: `tanzhang contract try`.",
    ),
    "wrong_type": Rule(
        "A value is text, and a list is a list.", "Write the value in the agreed type and send the row again."
    ),
    "unknown_code": Rule(
        "A code is one of those agreed.", "Correct the code, or agree on the new one, and send the row again."
    ),
    "expired_code": Rule(
        "A code is used only on dates for which it was agreed.",
        "Use the code in force on the day of the act and send the row again.",
    ),
    "bad_time": Rule(
        "A time exists in the calendar and is written in an agreed form.",
        "Correct the time and send the row again.",
    ),
    "bad_number": Rule(
        "A number is written in plain digits, with at most six decimals, money in whole fen and points whole.",
        "Correct the number and send the row again.",
    ),
    "wrong_sign": Rule(
        "Quantities and purchases are not negative, refunds have the sign of the contract's `refund_sign`, and points are "
        "above zero.",
        "Correct the sign or the kind of the row and send it again; if the institution always writes it so, the contract's "
        "`refund_sign` or its rules of `rows` do not fit: `tanzhang contract try`.",
    ),
    "too_much": Rule(
        "A quantity is not above what the contract takes for possible in one row.",
        "Check the unit of the quantity and send the row again.",
    ),
    "too_fast": Rule(
        "A trip is not faster than its vehicle can go.",
        "Check times and coordinates of the trip and send the row again.",
    ),
    "ends_before_start": Rule("An act ends after it began.", "Correct the times and send the row again."),
    "bad_coordinate": Rule(
        "A place is given in degrees, latitude to 90 and longitude to 180.",
        "Correct the coordinates and send the row again.",
    ),
    "future_time": Rule(
        "Nothing is reported before it was done: a row's date is not after its business date.",
        "Correct the date, or send the row with the day on which it was done.",
    ),
    "too_old": Rule(
        "A row is not older than the contract takes for possible.",
        "Correct the date, or agree on a later deadline, and send the row again.",
    ),
    "outside_period": Rule(
        "The rows of a bill lie in the period that it names.", "Bring the bill as the wallet exported it, unchanged."
    ),
    "rounded_number": Rule(
        "A number that names something is text, not a figure that a spreadsheet rounded.",
        "Export the file again without opening it in a spreadsheet.",
    ),
    "repeated_item": Rule("An item code stands once in a row.", "Write each item once and send the row again."),
    "bad_customer": Rule(
        "A customer is named in the form that the contract gives, without characters that cannot be seen.",
        "Check that the columns are not shifted, name the customer in the agreed form, and send the row again.",
    ),
    "bad_citizen_id": Rule(
        "A citizen id has 18 characters, a date of birth and a valid check digit (GB 11643).",
        "Correct the citizen id, or leave it empty where that is agreed, and send the row again.",
    ),
    "old_citizen_id": Rule(
        "A citizen id has 18 characters, not the 15 of the first generation.",
        "Send the citizen's 18-character id.",
    ),
    "bad_phone": Rule(
        "A phone number exists in its country's numbering plan.",
        "Correct the phone number and send the row again.",
    ),
    "bad_card": Rule(
        "A card number has 12 to 19 digits and a valid check digit.",
        "Correct the card number and send the row again.",
    ),
}
"""Error code → rule and mend. A code that is not here cannot be raised."""
