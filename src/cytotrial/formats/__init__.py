"""The public file formats as pydantic models, one file per subject. Shape only; meaning is checked where it is used."""

from cytotrial.formats.base import Format
from cytotrial.formats.clinic import GradingFile, MonitoringFile, SupportFile
from cytotrial.formats.drug import DrugFile, RegimensFile
from cytotrial.formats.evidence import EvidenceFile, SourcesFile
from cytotrial.formats.interface import InterfaceFile
from cytotrial.formats.life_table import LifeTableFile
from cytotrial.formats.module import ModuleFile
from cytotrial.formats.plausibility import PlausibilityFile
from cytotrial.formats.population import DiseaseFile, PopulationFile
from cytotrial.formats.protocol import ProtocolFile
from cytotrial.formats.reporting import ReportingFile
from cytotrial.formats.response import ResponseFile
from cytotrial.formats.rules import RulesFile
from cytotrial.formats.run import Manifest

FORMATS: dict[str, type[Format]] = {
    "protocol/1": ProtocolFile,
    "rules/1": RulesFile,
    "interface/1": InterfaceFile,
    "module/1": ModuleFile,
    "drug/1": DrugFile,
    "regimens/1": RegimensFile,
    "disease/1": DiseaseFile,
    "population/1": PopulationFile,
    "life_table/1": LifeTableFile,
    "monitoring/1": MonitoringFile,
    "support/1": SupportFile,
    "grading/1": GradingFile,
    "response/1": ResponseFile,
    "evidence/1": EvidenceFile,
    "reporting/1": ReportingFile,
    "sources/1": SourcesFile,
    "plausibility/1": PlausibilityFile,
    "run/1": Manifest,
}
