"""What a pickle may name: exactly this. Everything else is a finding; what is known to run things, a grave one."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


_TORCH_STORAGES = tuple(
    f"{kind}Storage"
    for kind in _words(
        "BFloat16 Bool Byte Char ComplexDouble ComplexFloat Double Float Half Int Long Short QInt8 QInt32 QUInt8"
    )
)
_TORCH_DTYPES = tuple(
    _words(
        "bfloat16 bool complex128 complex32 complex64 double float float16 float32 float64 float8_e4m3fn "
        "float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz half int int16 int32 int64 int8 long qint32 qint8 quint8 "
        "short uint16 uint32 uint64 uint8"
    )
)
_BUILTINS = ("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range",
             "set", "slice", "str", "tuple")  # fmt: skip
_MULTIARRAY = ("_reconstruct", "scalar")
_NUMPY_TYPES = tuple(
    _words(
        "bool bool_ complex128 complex64 dtype float16 float32 float64 int16 int32 int64 int8 ndarray uint16 "
        "uint32 uint64 uint8 str_ bytes_"
    )
)

#: Module → the names in it that can be called with anything, and do nothing but hold it.
ALLOWED: dict[str, frozenset[str]] = {
    module: frozenset(names)
    for module, names in {
        "builtins": _BUILTINS,
        "__builtin__": (*_BUILTINS, "unicode", "long", "xrange"),
        "_codecs": ("encode",),
        "collections": ("Counter", "OrderedDict", "defaultdict", "deque"),
        "copyreg": ("_reconstructor",),
        "copy_reg": ("_reconstructor",),
        "datetime": ("date", "datetime", "time", "timedelta", "timezone"),
        "decimal": ("Decimal",),
        "fractions": ("Fraction",),
        "uuid": ("UUID",),
        "argparse": ("Namespace",),
        "pathlib": ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath", "Path"),
        "numpy": _NUMPY_TYPES,
        "numpy.core.multiarray": _MULTIARRAY,
        "numpy._core.multiarray": _MULTIARRAY,
        "numpy.core.numeric": ("_frombuffer",),
        "numpy._core.numeric": ("_frombuffer",),
        "numpy.dtypes": tuple(f"{kind}DType" for kind in _words(
        "Bool Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float16 Float32 Float64 Complex64 Complex128 "
        "Object"
    )),
        "joblib.numpy_pickle": ("NumpyArrayWrapper",),
        "torch": (*_TORCH_STORAGES, *_TORCH_DTYPES, "Size", "Tensor", "device", "strided", "per_tensor_affine",
                  "per_channel_affine", "contiguous_format"),
        "torch.cuda": _TORCH_STORAGES,
        "torch.storage": ("TypedStorage", "UntypedStorage", "_TypedStorage", "_UntypedStorage"),
        "torch._utils": ("_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_qtensor",
                         "_rebuild_sparse_tensor", "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3",
                         "_rebuild_meta_tensor_no_storage", "_rebuild_device_tensor_from_numpy"),
        "torch._tensor": ("_rebuild_from_type_v2",),
        "torch.nn.parameter": ("Buffer", "Parameter"),
        "torch.serialization": ("_get_layout",),
    }.items()
}  # fmt: skip

#: First parts of modules that run commands, code or imports, reach files or the network, or read pickles themselves.
DANGEROUS = frozenset(
    _words(
        "_aix_support _io _osx_support _pickle _posixsubprocess _pyrepl _socket aiohttp asyncio bdb builtins "
        "__builtin__ cProfile cffi cgitb cloudpickle code codeop commands concurrent crypt ctypes dill "
        "distutils doctest ensurepip fileinput ftplib functools gc glob httplib http idlelib imaplib imp "
        "importlib inspect io lib2to3 linecache logging marshal mmap multiprocessing nt ntpath operator os "
        "paramiko pdb pickle pip pkg_resources pkgutil platform poplib popen2 posix posixpath profile pty "
        "py_compile pydoc requests runpy setuptools shelve shutil signal site smtplib socket socketserver "
        "sqlite3 ssl subprocess sys sysconfig tarfile telnetlib tempfile test threading timeit trace turtle "
        "types urllib urllib2 urllib3 venv webbrowser xmlrpc zipapp zipfile zipimport"
    )
)
#: Names in otherwise harmless packages that do so.
_NAMES = frozenset(
    {
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("torch.serialization", "load"),
        ("torch.hub", "load"),
        ("torch.jit", "load"),
        ("numpy", "load"),
        ("numpy", "memmap"),
        ("numpy.testing._private.utils", "runstring"),
        ("joblib", "load"),
        ("pandas", "read_pickle"),
    }
)
_WORDS = ("eval", "exec", "system", "popen", "getattr", "compile", "runstring", "__import__")


def is_allowed(module: str, name: str) -> bool:
    """Whether the list holds it."""
    return name in ALLOWED.get(module, ())


def is_dangerous(module: str, name: str) -> bool:
    """Whether what is not allowed is known to run things."""
    if module.partition(".")[0] in DANGEROUS or (module, name) in _NAMES:
        return True
    return any(part in _WORDS for part in name.split(".")) or "__" in name
