/**
 * The source of an addon with two functions, `mute` and `unmute` of the standard error. TensorFlow 2.21 prints two lines about oneDNN
 * whenever it is loaded, before it looks at TF_CPP_MIN_LOG_LEVEL, and Node has no way to redirect a file descriptor.
 */
export const QUIET_SOURCE = `#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int saved = -1;

static napi_value Mute(napi_env, napi_callback_info) {
  int nowhere = open("/dev/null", O_WRONLY);
  if (saved < 0 && nowhere >= 0 && (saved = dup(2)) >= 0) dup2(nowhere, 2);
  if (nowhere >= 0) close(nowhere);
  return nullptr;
}

static napi_value Unmute(napi_env, napi_callback_info) {
  if (saved >= 0) {
    dup2(saved, 2);
    close(saved);
    saved = -1;
  }
  return nullptr;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value mute, unmute;
  napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &mute);
  napi_create_function(env, "unmute", NAPI_AUTO_LENGTH, Unmute, nullptr, &unmute);
  napi_set_named_property(env, exports, "mute", mute);
  napi_set_named_property(env, exports, "unmute", unmute);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
`;
