; The installer for Windows: for one user, without administrator rights. scripts/build-windows gives
;   VERSION   0.1.0
;   FILES     folder with visavis.exe (for the command line) and visavisw.exe (the same without a console window)
;   OUTPUT    the installer to make
; /S installs or uninstalls without a word; settings stay then. /SETTINGS, given to the uninstaller, removes them too.

Unicode true
; The program is for 64 bits, so is its installer.
Target amd64-unicode
SetCompressor /SOLID lzma
; Both programs are almost the same: with all of the first in view, the second takes next to nothing.
SetCompressorDictSize 64

!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "x64.nsh"

!define NAME "Visavis"
!define ENTRY "Software\Microsoft\Windows\CurrentVersion\Uninstall\Visavis"
!define SCHEME "Software\Classes\visavis"

Name "${NAME}"
OutFile "${OUTPUT}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\Visavis"
InstallDirRegKey HKCU "${ENTRY}" "InstallLocation"
ManifestDPIAware true
BrandingText "${NAME} ${VERSION}"
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "FileDescription" "Installs ${NAME}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "CompanyName" "The Visavis authors"
VIAddVersionKey "LegalCopyright" "The Visavis authors. Apache License 2.0."

!define MUI_ICON "..\..\assets\icons\app-icon.ico"
!define MUI_UNICON "..\..\assets\icons\app-icon.ico"
!define MUI_FINISHPAGE_TITLE "${NAME} is installed"
!define MUI_FINISHPAGE_TEXT "It is in the start menu, and links that begin with visavis: open it.$\r$\n$\r$\nWhen you start a call on this computer, Windows asks whether others may reach it: allow private networks, or only you will be in the call."
!define MUI_FINISHPAGE_RUN "$INSTDIR\visavisw.exe"
!define MUI_FINISHPAGE_RUN_TEXT "Open ${NAME}"
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; A program that runs cannot be replaced: its file cannot be opened for writing.
!macro WaitUntilClosed UN
Function ${UN}WaitUntilClosed
  again:
    IfFileExists "$INSTDIR\visavisw.exe" 0 closed
    ClearErrors
    FileOpen $0 "$INSTDIR\visavisw.exe" a
    IfErrors running
    FileClose $0
  closed:
    Return
  running:
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "${NAME} is running. Leave your call and close it, then try again." /SD IDCANCEL IDRETRY again
    SetErrorLevel 2
    Quit
FunctionEnd
!macroend
!insertmacro WaitUntilClosed ""
!insertmacro WaitUntilClosed "un."

Function .onInit
  ${IfNot} ${RunningX64}
    MessageBox MB_OK|MB_ICONSTOP "${NAME} needs a 64-bit Windows 10 or newer." /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
FunctionEnd

Section
  Call WaitUntilClosed
  SetOutPath "$INSTDIR"
  File "${FILES}\visavis.exe"
  File "${FILES}\visavisw.exe"
  File "..\..\LICENSE"
  File "..\..\assets\licences.txt"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\visavisw.exe"

  ; Rules of the firewall are an administrator's; joining needs none.
  DetailPrint "Windows may ask whether ${NAME} may be reached from your network. Allow it if this computer is to run calls for others; to join calls, it need not."

  WriteRegStr HKCU "${SCHEME}" "" "URL:A link to a call"
  WriteRegStr HKCU "${SCHEME}" "URL Protocol" ""
  WriteRegStr HKCU "${SCHEME}\DefaultIcon" "" "$INSTDIR\visavisw.exe,0"
  WriteRegStr HKCU "${SCHEME}\shell\open\command" "" '"$INSTDIR\visavisw.exe" "%1"'

  WriteRegStr HKCU "${ENTRY}" "DisplayName" "${NAME}"
  WriteRegStr HKCU "${ENTRY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${ENTRY}" "DisplayIcon" "$INSTDIR\visavisw.exe,0"
  WriteRegStr HKCU "${ENTRY}" "Publisher" "The Visavis authors"
  WriteRegStr HKCU "${ENTRY}" "URLInfoAbout" "https://github.com/visavis-call/visavis"
  WriteRegStr HKCU "${ENTRY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${ENTRY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${ENTRY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${ENTRY}" "NoModify" 1
  WriteRegDWORD HKCU "${ENTRY}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${ENTRY}" "EstimatedSize" $0
SectionEnd

Section "Uninstall"
  Call un.WaitUntilClosed
  Delete "$INSTDIR\visavis.exe"
  Delete "$INSTDIR\visavisw.exe"
  Delete "$INSTDIR\LICENSE"
  Delete "$INSTDIR\licences.txt"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\${NAME}.lnk"
  DeleteRegKey HKCU "${SCHEME}"
  DeleteRegKey HKCU "${ENTRY}"

  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/SETTINGS" $1
  IfErrors 0 settings
  MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "Remove your settings too? They hold your name, your devices, the last call server and the receipts of the last calls." /SD IDNO IDYES settings
  Goto done
  settings:
  ; Only what the program writes: nothing else that may have come to lie there.
  Delete "$APPDATA\visavis\config\settings.toml"
  ; What was put aside, or was being written when the program was killed.
  Delete "$APPDATA\visavis\config\settings.toml.*"
  Delete "$APPDATA\visavis\config\exits.jsonl"
  Delete "$APPDATA\visavis\config\exits.jsonl.*"
  RMDir "$APPDATA\visavis\config"
  RMDir "$APPDATA\visavis"
  done:
SectionEnd
