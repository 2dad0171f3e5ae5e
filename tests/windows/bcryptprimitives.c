/* Rust's standard library takes random numbers from bcryptprimitives.dll, which Windows has and Wine before 8.13 has
 * not. scripts/test-windows lends such a Wine this one. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return RtlGenRandom(data, (ULONG)length);
}
