"""What ``/v2`` takes and answers: requests and tensors of the Open Inference Protocol."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.apps.serve.schema import SENTENCES, at_most

# Parameters are the client's; we have none. They may hold anything, which is not passed on from process to process.
IGNORED = Field(default=None, exclude=True)


def _flat(values: Any) -> Any:
    """Take the items out of lists of one. To pydantic these would be another type, and errors name types beside places."""
    if not isinstance(values, list):
        return values
    return [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]


FLAT = BeforeValidator(_flat, json_schema_input_type=tuple[str, ...] | tuple[tuple[str], ...])


class InputTensor(BaseModel):
    """Sentences, as a list, or as a list of lists of one where the shape has a second dimension of 1."""

    model_config = ConfigDict(frozen=True)

    name: Literal["text"]
    shape: Annotated[tuple[int, ...], at_most(2)] = Field(min_length=1, max_length=2)
    datatype: Literal["BYTES"]
    parameters: dict[str, Any] | None = IGNORED
    data: Annotated[tuple[str, ...], FLAT, at_most(SENTENCES)] = Field(
        max_length=SENTENCES, json_schema_extra={"maxItems": SENTENCES}
    )


class RequestedOutput(BaseModel):
    """One output that the client wants."""

    model_config = ConfigDict(frozen=True)

    name: Literal["probabilities", "truncated"]
    parameters: dict[str, Any] | None = IGNORED


class InferIn(BaseModel):
    """An inference request."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Jangan ikut kampanye."]}]}
            ]
        },
    )

    id: str | None = Field(default=None, max_length=256)
    parameters: dict[str, Any] | None = IGNORED
    inputs: Annotated[tuple[InputTensor], at_most(1)] = Field(description="Exactly one.")
    outputs: Annotated[tuple[RequestedOutput, ...], at_most(2)] = Field(
        default=(), max_length=2, description="All, where none is named."
    )


class OutputTensor(BaseModel):
    """One output, row by row."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[float] | list[bool]


class InferOut(BaseModel):
    """The answer; ``model_version`` is that of the checkpoint, the columns are in the order of ``parameters.labels``."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class LiveOut(BaseModel):
    live: bool


class ReadyOut(BaseModel):
    ready: bool


class ModelReadyOut(BaseModel):
    name: str
    ready: bool


class ServerOut(BaseModel):
    name: str
    version: str
    extensions: list[str]


class TensorOut(BaseModel):
    name: str
    datatype: str
    shape: list[int]


class ModelOut(BaseModel):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorOut]
    outputs: list[TensorOut]
