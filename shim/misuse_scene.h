/*
 * shim/misuse_scene.h - who the process is, for reports that come after its end
 */
#ifndef DLW_SHIM_MISUSE_SCENE_H
#define DLW_SHIM_MISUSE_SCENE_H

/**
 * dlw_misuse_scene() - put program, arguments and modules into the segment, once
 *
 * Does nothing on a stack too small for it: the next one to call will do it.
 */
void dlw_misuse_scene(void);

#endif
