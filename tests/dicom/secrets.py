"""Sixty secrets in one data set, each in a place of its own."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

#: Attributes of the outermost data set, by keyword: kind of value.
TEXTS = [
    "AccessionNumber",
    "InstitutionName",
    "InstitutionAddress",
    "ReferringPhysicianAddress",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "InstitutionalDepartmentName",
    "AdmittingDiagnosesDescription",
    "OtherPatientIDs",
    "Occupation",
    "AdditionalPatientHistory",
    "PatientComments",
    "ProtocolName",
    "DeviceSerialNumber",
    "StudyID",
    "ImageComments",
    "RequestingService",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
    "PerformedStationName",
    "PatientAddress",
    "MilitaryRank",
    "CountryOfResidence",
    "PatientTelephoneNumbers",
    "EthnicGroup",
    "ContrastBolusAgent",
    "IssuerOfPatientID",
    "AdmissionID",
    "CurrentPatientLocation",
    "VisitComments",
    "MedicalRecordLocator",
    "DerivationDescription",
    "AcquisitionComments",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSiteName",
    "RequestedProcedureID",
    "ScheduledProcedureStepID",
]
NAMES = [
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "NameOfPhysiciansReadingStudy",
    "RequestingPhysician",
    "PatientBirthName",
    "PatientMotherBirthName",
    "OtherPatientNames",
    "ResponsiblePerson",
]
#: Secrets that are dates, UIDs and numbers, as they stand in the file.
DATES = {"StudyDate": "20190317", "SeriesDate": "20190318", "PatientBirthDate": "19530419"}
TIMES = {"AcquisitionDateTime": "20190319083111.123"}


def plant(dataset: Dataset) -> dict[str, bytes]:
    """Put secrets into a data set; return where each is, and its bytes in a file."""
    secrets: dict[str, bytes] = {}

    def word(place: str) -> str:
        text = f"Zq{len(secrets):02d}secret"
        secrets[place] = text.encode()
        return text

    for keyword in TEXTS:
        setattr(dataset, keyword, word(keyword))
    for keyword in NAMES:
        setattr(dataset, keyword, f"{word(keyword)}^Given")
    for keyword, value in (DATES | TIMES).items():
        setattr(dataset, keyword, value)
        secrets[keyword] = value.encode()
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        value = f"1.2.3.777.{len(secrets)}.424242"
        setattr(dataset, keyword, value)
        secrets[keyword] = value.encode()
    _plant_nested(dataset, word)
    _plant_private(dataset, word)
    _plant_pictures(dataset, word)
    # A name where no table expects one.
    dataset.PatientName = f"{word('PatientName')}^Josephine"
    dataset.PatientID = word("PatientID")
    surname = secrets["PatientName"].decode()
    dataset.ReceiveCoilName = f"Coil {surname}"
    dataset.ScanOptions = surname.upper()
    dataset.preamble = word("preamble").encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = word("SourceApplicationEntityTitle")
    dataset.file_meta.ImplementationVersionName = word("ImplementationVersionName")
    return secrets


def leaks(secrets: Mapping[str, bytes], content: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Return where secrets stand, whatever their case: name of the content, place of planting."""
    return [
        (name, place)
        for name, raw in content.items()
        for low in [raw.lower()]
        for place, secret in secrets.items()
        if secret.lower() in low or secret.decode().lower() in name.lower()
    ]


def _plant_nested(dataset: Dataset, word) -> None:
    inner, outer, code, item = Dataset(), Dataset(), Dataset(), Dataset()
    inner.PersonName = f"{word('nested person')}^X"
    inner.InstitutionName = word("nested institution")
    inner.TextValue = word("nested text")
    inner.add_new(Tag(0x0009, 0x0010), "LO", "MAKER")
    inner.add_new(Tag(0x0009, 0x1001), "LO", word("nested private"))
    outer.ReferencedSOPInstanceUID = "1.2.3.777.99.1"
    outer.PurposeOfReferenceCodeSequence = Sequence([inner])
    dataset.SourceImageSequence = Sequence([outer])
    code.CodeValue = word("local code")
    code.CodingSchemeDesignator = "99LOCAL"
    code.CodeMeaning = word("local meaning")
    dataset.ProcedureCodeSequence = Sequence([code])
    item.ScheduledProcedureStepDescription = word("request")
    dataset.RequestAttributesSequence = Sequence([item])


def _plant_private(dataset: Dataset, word) -> None:
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", word("CSA header").encode() + b"\0")
    block.add_new(0x11, "LO", word("private text"))
    nested = Dataset()
    nested.PatientComments = word("private sequence")
    block.add_new(0x12, "SQ", Sequence([nested]))
    dataset.add_new(Tag(0x0008, 0x9999), "LO", word("no attribute of the standard"))
    dataset.add_new(Tag(0x0018, 0x9998), "UN", word("unknown kind").encode())


def _plant_pictures(dataset: Dataset, word) -> None:
    icon = Dataset()
    icon.Rows = icon.Columns = 4
    icon.PixelData = word("icon").encode().ljust(16, b"\0")
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = Sequence([icon])
    dataset.add_new(Tag(0x6000, 0x3000), "OW", word("overlay").encode().ljust(32, b"\0"))
    dataset.add_new(Tag(0x6002, 0x4000), "LT", word("overlay comments"))
    dataset.add_new(Tag(0x6000, 0x1500), "LO", word("overlay label"))
    dataset.add_new(Tag(0x5000, 0x3000), "OW", word("curve").encode().ljust(32, b"\0"))
    dataset.add_new(Tag(0x0042, 0x0011), "OB", word("document").encode().ljust(32, b"\0"))
    dataset.add_new(Tag(0xFFFC, 0xFFFC), "OB", word("padding").encode().ljust(32, b"\0"))
    signature = Dataset()
    signature.CertificateOfSigner = word("certificate").encode().ljust(32, b"\0")
    dataset.DigitalSignaturesSequence = Sequence([signature])
