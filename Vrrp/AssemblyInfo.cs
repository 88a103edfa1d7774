// Every P/Invoke passes blittable values: with nothing to marshal, the compiler of native code writes the stubs that the JIT would write at run time.
[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]
